#!/usr/bin/env bash
# Sets up everything, builds, and mounts a folder that makes videos: on the built-in simulator (nothing is billed)
# unless ~/.config/seedancefs/config.ini names a provider.
# usage: scripts/try.sh [MOUNTPOINT]        (default: ~/Seedance)
set -euo pipefail
cd "$(dirname "$0")/.."
mount_point=${1:-$HOME/Seedance}

scripts/setup.sh
[ -f build/release/build.ninja ] || cmake --preset release >/dev/null
cmake --build --preset release --parallel >/dev/null
mkdir -p "$mount_point"
mount_point=$(cd "$mount_point" && pwd)
if grep -qs " $mount_point fuse.seedancefs " /proc/self/mounts && ls "$mount_point" >/dev/null 2>&1; then
    echo "$mount_point is already mounted."
else
    build/release/seedancefs "$mount_point"
fi

cat <<EOF

$mount_point is ready. Try:

    cd $mount_point
    mkdir cat
    echo 'A kitten yawning at the camera' > cat/prompt.txt
    cat cat/status          # again and again: pending, queued, running, succeeded
    ls -l cat               # then video.mp4 and last_frame.png are there

To unmount it:  fusermount3 -u $mount_point
EOF
if [ -t 0 ] && [ -t 1 ]; then
    cd "$mount_point"
    exec "${SHELL:-/bin/bash}"
fi
