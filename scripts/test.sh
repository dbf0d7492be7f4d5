#!/usr/bin/env bash
# Sets up everything, builds, and runs all tests on real mounts: under AddressSanitizer, LeakSanitizer and UBSan as root
# and as an ordinary user, and under ThreadSanitizer. Debian 12 or Ubuntu 24.04, as root or with sudo.
# usage: scripts/test.sh [asan|user|tsan]…        (default: all three)
set -euo pipefail
cd "$(dirname "$0")/.."
jobs=${JOBS:-4} # mounted tests mostly wait
parts=("${@:-asan user tsan}")
read -ra parts <<<"${parts[*]}"

scripts/setup.sh tests
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=second_deadlock_stack=1 SEEDANCEFS_PATIENCE=${SEEDANCEFS_PATIENCE:-40}

build() {
    cmake --preset "$1" >/dev/null
    cmake --build --preset "$1" --parallel 2
}

# Mounted tests as root need root; as a user they need one.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo --preserve-env=CI,ASAN_OPTIONS,UBSAN_OPTIONS,TSAN_OPTIONS,SEEDANCEFS_PATIENCE,SEEDANCEFS_FLAVOUR "$@"; fi
}

# A place that any user can read, whatever the checkout's own permissions are.
stage_for_user() {
    stage=$(mktemp -d)
    chmod 755 "$stage"
    cp -r build/asan/seedancefs build/asan/seedance-sim build/asan/seedance-thumbnailer build/asan/share "$stage"
    mkdir -p "$stage/tests"
    cp -r tests/integration tests/desktop tests/fixtures "$stage/tests"
    chmod -R a+rX "$stage"
}

as_user() {
    local user=seedance-test
    if [ "$(id -u)" -ne 0 ]; then "$@"; return; fi
    id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"
    runuser -u "$user" -- env HOME="/home/$user" "$@"
}

for part in "${parts[@]}"; do
    echo "=== $part"
    case $part in
    asan | tsan)
        build "$part"
        export SEEDANCEFS_FLAVOUR=Sanitizer
        # Windows belong to an ordinary user: see below. What programs do is the same under any sanitizer: once is enough.
        left_out='desktop\.test_gui_'
        [ "$part" = asan ] || left_out='desktop\.test_(gui_|drop|edit|errors|move|gallery|look)'
        as_root ctest --preset "$part" --parallel "$jobs" --exclude-regex "$left_out"
        ;;
    user)
        build asan
        stage_for_user
        run_as_user() {
            as_user env SEEDANCEFS_FLAVOUR=Sanitizer SEEDANCEFS_BUILD="$stage" SEEDANCE_SIM="$stage/seedance-sim" \
                /usr/bin/python3 -m pytest -q -p no:cacheprovider "$@"
        }
        # The simulator's own tests mount nothing.
        run_as_user -n "$jobs" --ignore-glob="$stage/tests/integration/test_sim_*" "$stage/tests/integration"
        run_as_user -n 2 "$stage"/tests/desktop/test_{gui_*,live}.py
        rm -rf "$stage"
        ;;
    *)
        echo "test.sh: unknown part $part (asan, user, tsan)" >&2
        exit 1
        ;;
    esac
done
echo "=== all tests passed"
