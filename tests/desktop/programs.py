"""Programs that write files, each as a line of shell: "$1" is a file or a folder, "$2" its target.
Their output is kept as a person sees it.
"""

import atexit
import functools
import os
import shutil
import tempfile

import harness

QUIET = {"QT_QPA_PLATFORM": "offscreen", "LC_ALL": "C.UTF-8", "QT_LOGGING_RULES": "*=false"}


@functools.cache
def runtime_directory():
    """For sockets, whose paths are limited to 107 bytes; so it is not below a test's own directory."""
    path = tempfile.mkdtemp(prefix="sdfs-run-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def environment(home):
    """The environment of a separate session: nothing of the user who runs the tests is read or left
    behind."""
    home.mkdir(exist_ok=True)
    runtime = runtime_directory()
    return {**os.environ, **QUIET, "HOME": str(home), "XDG_RUNTIME_DIR": runtime, "XDG_DATA_HOME": str(home / "data"),
            "XDG_CONFIG_HOME": str(home / "config"), "XDG_CACHE_HOME": str(home / "cache")}


def shell(script, *arguments, home, check=True, **options):
    return harness.run("bash", "-c", script, "bash", *arguments, env=environment(home), check=check, **options)


def in_session(script, *arguments, home, check=True, **options):
    """Runs a script with a message bus, for programs that need other services of the desktop."""
    return harness.run("dbus-run-session", "--", "bash", "-c", script, "bash", *arguments, env=environment(home), check=check,
                       **options)


# Copies a file to a name that may exist; both have the same base name.
FILE = {
    "echo": 'cat "$1" > "$2"',
    "cp": 'cp "$1" "$2"',
    "cp -a": 'cp -a "$1" "$2"',
    "mv": 'mv -f "$1" "$2"',
    "install": 'install -m 644 "$1" "$2"',
    "dd": 'dd if="$1" of="$2" bs=64k status=none',
    "rsync -a": 'rsync -a "$1" "$2"',
    "rsync --inplace": 'rsync -a --inplace "$1" "$2"',
    "rsync --delay-updates": 'rsync -a --delay-updates "$1" "$(dirname "$2")"/',
    "rsync --partial": 'rsync -a --partial "$1" "$2"',
    "rsync --partial-dir": 'rsync -a --partial-dir=.rsync-partial "$1" "$(dirname "$2")"/',
    "tar": 'tar -c -C "$(dirname "$1")" "$(basename "$1")" | tar -x -C "$(dirname "$2")"',
    "unzip": 'zip -qj "$1.zip" "$1" && unzip -qo "$1.zip" -d "$(dirname "$2")"',
    "gio copy": 'gio copy "$1" "$2"',
    "gio move": 'gio move "$1" "$2"',
    "gio save": 'gio save "$2" < "$1"',
    "kioclient copy": 'kioclient --noninteractive copy "file://$1" "file://$2"',
    "kioclient copy --overwrite": 'kioclient --noninteractive --overwrite copy "file://$1" "file://$2"',
    "kioclient move": 'kioclient --noninteractive move "file://$1" "file://$2"',
    "curl": 'curl -sS "file://$1" -o "$2"',
    "python": 'python3 -c "import shutil, sys; shutil.copy2(sys.argv[1], sys.argv[2])" "$1" "$2"',
}

# Copies a folder to a new name.
FOLDER = {
    "cp -r": 'cp -r "$1" "$2"',
    "cp -a": 'cp -a "$1" "$2"',
    "mv": 'mv "$1" "$2"',
    "rsync -a": 'rsync -a "$1"/ "$2"',
    "rsync --inplace": 'rsync -a --inplace "$1"/ "$2"',
    "rsync --delay-updates": 'rsync -a --delay-updates "$1"/ "$2"',
    "rsync --partial": 'rsync -a --partial "$1"/ "$2"',
    "rsync --partial-dir": 'rsync -a --partial-dir=.rsync-partial "$1"/ "$2"',
    "tar": 'mkdir "$2" && tar -c -C "$1" . | tar -x -C "$2"',
    "unzip": '(cd "$1" && zip -qr ../all.zip .) && unzip -q "$1"/../all.zip -d "$2"',
    "gio copy": 'mkdir "$2" && gio copy "$1"/* "$2"/',
    "gio move": 'mkdir "$2" && gio move "$1"/* "$2"/',
    "kioclient copy": 'kioclient --noninteractive copy "file://$1" "file://$2"',
    "kioclient move": 'kioclient --noninteractive move "file://$1" "file://$2"',
    "python": 'python3 -c "import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[2])" "$1" "$2"',
}
