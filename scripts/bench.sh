#!/usr/bin/env bash
# Builds the release and measures streaming against curl, rclone, httpdirfs and the local disk: one Markdown table.
# As root it also measures on narrow links. Installs the peers where they are missing.
# usage: scripts/bench.sh [RUNS] [ROW…]        (default: 5 runs, all rows; tests/bench/README.md has their names)
set -euo pipefail
cd "$(dirname "$0")/.."

# Package and the program that shows that it is there.
peers=(nginx-light:nginx rclone:rclone httpdirfs:httpdirfs curl:curl iproute2:tc)
as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
PATH=$PATH:/usr/sbin:/sbin
missing=()
for peer in "${peers[@]}"; do
    command -v "${peer#*:}" >/dev/null || missing+=("${peer%:*}")
done
if [ "${#missing[@]}" -gt 0 ]; then
    echo "bench.sh: installing ${missing[*]}" >&2
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

scripts/setup.sh >&2
cmake --preset release >/dev/null
cmake --build --preset release --parallel --target seedancefs seedance-sim seedance-thumbnailer minimal_fuse >/dev/null
exec /usr/bin/python3 tests/bench/stream.py "$@"
