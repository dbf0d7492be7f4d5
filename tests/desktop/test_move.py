"""Move: task folders in every state, moved by the programs that people use."""

import subprocess

import pytest

from harness import make_media, run
from states import Folders, word

SETTLE = 2  # longer than any mover needs between two files on a busy machine

MOVERS = {
    "mv": 'mv "$1" "$2"',
    "gio move": 'gio move "$1" "$2"',
    "gio rename": 'gio rename "$1" "$(basename "$2")" && [ "$(dirname "$1")" = "$(dirname "$2")" ]',
    "kioclient move": 'kioclient --noninteractive move "file://$1" "file://$2"',
    "python": 'python3 -c "import shutil, sys; shutil.move(sys.argv[1], sys.argv[2])" "$1" "$2"',
}


@pytest.mark.parametrize("mover", MOVERS)
def test_moving_within_the_mount_and_back_changes_nothing(desk, mover):
    """The way back is the undo of a file manager."""
    folder, _ = desk.begin(mover)
    folders = Folders(desk, folder)
    before = desk.texts()
    elsewhere = folder if mover == "gio rename" else folder / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    for phase, path in folders.items():
        moved = elsewhere / f"{phase} 2"
        desk.shell(MOVERS[mover], path, moved)
        assert not path.exists()
        folders.check_same(phase, moved)
        desk.shell(MOVERS[mover], moved, path)
        assert not moved.exists()
    folders.check_all_the_same()
    folders.check_each_goes_on(before)


OUT = {name: MOVERS[name] for name in ("mv", "kioclient move", "python")}
# kioclient overwrites, as if a user had confirmed that `status`, which is there already, is
# replaced.
BACK = {**OUT, "kioclient move": 'kioclient --noninteractive --overwrite move "file://$1" "file://$2"'}


@pytest.mark.parametrize("mover", OUT)
def test_moving_out_of_the_mount_moves_all_files(desk, mover):
    """The folder is no longer a task: the move ends it as a removal does. Back in the mount, it is
    an archive."""
    folder, outside = desk.begin(mover)
    folders = Folders(desk, folder)
    before = desk.texts()
    for phase, path in folders.items():
        desk.shell(OUT[mover], path, outside / phase)
        assert not path.exists()
        assert (outside / phase / "status").read_text().startswith(word(phase) + "\n")
    folders.check_gone(before)
    for phase, path in folders.items():
        desk.shell(BACK[mover], outside / phase, path)
        (path / "hold").unlink(missing_ok=True)
        folders.check_copied(phase, path)
    desk.check_marker([*before, "marker"])


# --- during playback ---

def test_renaming_during_playback(desk):
    folder, outside = desk.begin("streaming")
    video = make_media(outside / "video", 3_000_000)
    desk.mount.finished(desk.simulator, folder.name, video=video)
    before = desk.texts()
    desk.simulator.fault("media", {"delay_ms": 30}, times=-1)
    reader = subprocess.Popen(["dd", f"if={folder}/video.mp4", "bs=64k", "status=none"], stdout=subprocess.PIPE)
    got = reader.stdout.read(100_000)
    for step in range(6):
        run("mv", folder if not step % 2 else folder.with_name("renamed " + folder.name),
            folder.with_name("renamed " + folder.name) if not step % 2 else folder)
        got += reader.stdout.read(200_000)
    got += reader.stdout.read()
    assert reader.wait() == 0 and got == video.read_bytes()
    desk.simulator.clear_faults()
    desk.check_marker(before)
