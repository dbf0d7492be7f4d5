#!/usr/bin/env bash
# Sets up everything, builds, and runs all tests on real mounts: as root under AddressSanitizer, LeakSanitizer and UBSan,
# as an ordinary user with the programs of a desktop, and as root under ThreadSanitizer. Debian 12, Debian 13 or Ubuntu
# 24.04, as root or with sudo.
# usage: scripts/test.sh [asan|user|tsan]…        (default: all three)
set -euo pipefail

# A shell in the background ignores SIGINT, and nohup ignores SIGHUP. Everything that is started here would inherit
# that, and programs that a test interrupts would not notice. A shell cannot undo it; env can.
if [ -z "${SEEDANCEFS_DEFAULT_SIGNALS:-}" ]; then
    SEEDANCEFS_DEFAULT_SIGNALS=1 exec env --default-signal=HUP,INT,QUIT,PIPE,TERM "$BASH" "$0" "$@"
fi

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
    cp -r build/dev/seedancefs build/dev/seedance-sim build/dev/seedance-thumbnailer build/dev/share "$stage"
    mkdir -p "$stage/tests"
    cp -r tests/integration tests/desktop tests/fixtures "$stage/tests"
    cp README.md "$stage" # its examples are tested, too
    mkdir -p "$stage/scripts"
    cp scripts/test.sh "$stage/scripts" # so is the way in which it starts
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
        # The programs of a desktop belong to an ordinary user: see below. Errors are some that only root can make.
        left_out='desktop\.test_(gui_|drop|edit|copy|move|remove|gallery|look)'
        # What one thread does is the same under any sanitizer; where many meet are trees, streams, keeping and watchers.
        [ "$part" = asan ] || left_out="$left_out|desktop\.test_(errors|live_by_path|thumbnails_later)|mount\.test_(sim_|services|language|shots|xattr|permissions|places|recovery|overwrite|paths|orders)"
        as_root ctest --preset "$part" --parallel "$jobs" --exclude-regex "$left_out"
        ;;
    user)
        build dev
        stage_for_user
        run_as_user() {
            as_user env SEEDANCEFS_BUILD="$stage" SEEDANCE_SIM="$stage/seedance-sim" \
                /usr/bin/python3 -m pytest -q -p no:cacheprovider "$@"
        }
        # The simulator's own tests mount nothing; what the backend does is the same, whoever asks.
        left_out=()
        for suite in 'sim_*' services language shots 'recovery*' keep 'orders*' places overwrite; do
            left_out+=("--ignore-glob=$stage/tests/integration/test_$suite.py")
        done
        run_as_user -n "$jobs" "${left_out[@]}" "$stage/tests/integration"
        run_as_user -n "$jobs" --ignore-glob="$stage/tests/desktop/test_gui_*" "$stage/tests/desktop"
        run_as_user -n 3 "$stage"/tests/desktop/test_gui_*.py
        rm -rf "$stage"
        ;;
    *)
        echo "test.sh: unknown part \"$part\"; allowed: asan, user, tsan" >&2
        exit 1
        ;;
    esac
done
echo "=== all tests passed"
