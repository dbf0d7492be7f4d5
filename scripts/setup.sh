#!/usr/bin/env bash
# Installs packages and nothing else: what building and running need, or, with `tests`, what testing needs, too: a
# browser, file managers and editors among them.
# Debian 12, Debian 13 or Ubuntu 24.04, as root or with sudo. Safe to run again: it does nothing when all is there.
# usage: scripts/setup.sh [tests]
set -euo pipefail

packages=(
    # building
    build-essential cmake ninja-build pkg-config
    libfuse3-dev libcurl4-openssl-dev libssl-dev liblzma-dev libcjson-dev libsqlite3-dev libinih-dev libmicrohttpd-dev
    libavformat-dev libavcodec-dev libavutil-dev libswscale-dev
    # running: fusermount3, and the simulator's renderer with its font
    fuse3 ffmpeg fonts-dejavu-core ca-certificates
)

test_packages=(
    # the checks of the sources
    pmccabe
    # units and mounts
    libcmocka-dev python3 python3-pytest python3-pytest-xdist sqlite3 curl attr acl rsync git util-linux procps
    file plocate inotify-tools entr borgbackup restic bash-completion
    # the gallery in browsers
    chromium chromium-driver python3-selenium firefox-esr
    # the programs that people use on a desktop and in a terminal, and a terminal to drive them in
    vim nano emacs-nox ed perl wget tar zip unzip python3-pyte
    # a display and a session, hands and ears on it, file managers with their thumbnailers, editors
    xvfb openbox xdotool x11-utils dbus libglib2.0-bin python3-gi gir1.2-gtk-3.0 gir1.2-atspi-2.0 at-spi2-core libatk-adaptor
    thunar tumbler tumbler-plugins-extra nautilus ffmpegthumbnailer bubblewrap pcmanfm gvfs gvfs-daemons
    dolphin kio kio-extras ffmpegthumbs kde-cli-tools qt5-gtk-platformtheme adwaita-icon-theme
    gedit gnome-text-editor
    # a small disk for an ordinary user
    e2fsprogs fuse2fs
)
# The sources are formatted by this version. Debian 13 has newer ones only, and does not register the check.
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
[ "$codename" = trixie ] || test_packages+=(clang-format-14)

case ${1:-} in
tests) packages+=("${test_packages[@]}") ;;
"") ;;
*)
    echo "setup.sh: unknown argument \"$1\"; allowed: tests" >&2
    exit 1
    ;;
esac

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "setup.sh: run it as root, or install sudo" >&2; exit 1; }
    as_root=(sudo)
fi

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
    echo "setup.sh: installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

# Distributions make /dev/fuse usable for everybody; a bare machine may not have done so.
if [ -e /dev/fuse ] && [ "$(stat -c %a /dev/fuse)" != 666 ]; then
    "${as_root[@]}" chmod 0666 /dev/fuse
fi
