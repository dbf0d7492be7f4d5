#!/usr/bin/env bash
# Builds the release and measures streaming against curl and the local disk.
# usage: scripts/bench.sh [RUNS [nginx|simulator]]
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
cmake --preset release >/dev/null
cmake --build --preset release --parallel --target seedancefs seedance-sim minimal_fuse >/dev/null
/usr/bin/python3 tests/bench/stream.py "${1:-5}" ${2:+"$2"}
