"""Remove: task folders in every state, thrown away, brought back, and gone for good."""

import os

import pytest

from harness import make_media, wait_for
from states import STATES, Folders

SETTLE = 2  # longer than any remover takes from one file to the next, on a busy machine


def media_files(desk):
    """The downloaded bytes of all tasks."""
    return {path for path in (desk.mount.library / "media").rglob("*") if path.is_file()}


def folders_with_media(desk, folder):
    """In each state, and what is downloaded of the finished one: it must go with it."""
    others = media_files(desk)
    folders = Folders(desk, folder)
    assert (folders["succeeded"] / "video.mp4").read_bytes() == folders.video.read_bytes()
    assert (folders["succeeded"] / "last_frame.png").read_bytes()
    return folders, wait_for(lambda: media_files(desk) - others)


# --- the trash ---

THROW = 'for path in "$@"; do gio trash "$path" || exit 1; done'
# gvfs lists what is in the trash cans of all mounts: what is not "$1"'s is not ours to touch.
LISTED = """
    listed() { gio trash --list | awk -F '\\t' -v below="$1/" 'index($2, below) == 1 { print $1 }'; }
    for try in $(seq 300); do [ "$(listed "$1" | wc -l)" -ge "$2" ] && break; sleep 0.1; done
    listed "$1" | while read -r uri; do echo "$uri"; %s "$uri" || exit 1; done
"""
RESTORE = LISTED % "gio trash --restore"
# Which is what emptying does with each: it goes from the list at once, and is then taken apart by gvfs, which ends
# with the session.
EMPTY = LISTED % "gio remove" + """
    for try in $(seq 300); do [ -z "$(ls -A "$3"/.Trash-*/expunged)" ] && break; sleep 0.1; done
"""


def throw_away(desk, folders):
    desk.in_session(THROW, *folders.paths.values())
    assert not any(path.exists() for _, path in folders.items())


def take_out(desk, script, folder, folders):
    done = desk.in_session(script, folder, str(len(folders.paths)), desk.path)
    assert len(done.stdout.split()) == len(folders.paths), (done.stdout, done.stderr)


def test_trash_and_restore(desk):
    """gio's: into the mount's own trash, where nothing is ordered, and back as it was."""
    folder, _ = desk.begin("trash")
    folders = Folders(desk, folder)
    before = desk.texts()
    throw_away(desk, folders)
    (trash,) = desk.path.glob(".Trash-*")
    (trash / "files" / "held" / "hold").unlink()  # it would go out anywhere else
    desk.check_marker(before)
    before = desk.texts()
    (trash / "files" / "held" / "hold").touch()
    take_out(desk, RESTORE, folder, folders)
    folders.check_all_the_same()
    folders.check_each_goes_on(before)


def test_restoring_after_the_daemon_was_restarted(desk):
    folder, _ = desk.begin("trash")
    folders = Folders(desk, folder, [phase for phase in STATES if phase != "submitting"])
    before = desk.texts()
    throw_away(desk, folders)
    desk.mount.end()
    desk.mount.start()
    take_out(desk, RESTORE, folder, folders)
    folders.check_all_the_same()
    folders.check_each_goes_on(before)


def test_emptying_the_trash(desk):
    """With what is cancelled, and what is paid for: as removing does."""
    folder, _ = desk.begin("trash")
    folders, media = folders_with_media(desk, folder)
    before = desk.texts()
    throw_away(desk, folders)
    assert all(path.exists() for path in media) and folders.at_service("queued") == "queued"
    take_out(desk, EMPTY, folder, folders)
    folders.check_gone(before)
    wait_for(lambda: not any(path.exists() for path in media), "the media go")
    (trash,) = desk.path.glob(".Trash-*")
    wait_for(lambda: not any(os.listdir(path) for path in trash.iterdir()), "nothing is left of it")


# --- for good ---

REMOVERS = {
    "rm -r": 'rm -r "$1"',
    "gio remove": 'find "$1" -depth -print0 | xargs -0 gio remove',
    "kioclient remove": 'kioclient --noninteractive remove "file://$1"',
    "python": 'python3 -c "import shutil, sys; shutil.rmtree(sys.argv[1])" "$1"',
}


@pytest.mark.parametrize("remover", REMOVERS)
def test_removing_in_every_state(desk, remover):
    """With files of it open in an editor and in a player: it is gone, cancelled where that can be, and never ordered."""
    folder, _ = desk.begin(remover)
    folders, media = folders_with_media(desk, folder)
    before = desk.texts()
    opened = [open(path / "prompt.txt") for _, path in folders.items()]
    with open(folders["succeeded"] / "video.mp4", "rb") as player:
        assert len(player.read(100)) == 100
        for phase, path in folders.items():
            desk.shell(REMOVERS[remover], path)
            assert not path.exists(), phase
        for file in opened:
            assert file.read().startswith("A fox that is")
            file.close()
    assert os.listdir(folder) == []
    folders.check_gone(before)
    wait_for(lambda: not any(path.exists() for path in media), "the media go")


@pytest.mark.parametrize("remover", ["rm -r", "kioclient remove"])
def test_removing_while_a_player_reads(desk, remover):
    """It reads on, or gets an error, and never wrong bytes; after it closed nothing of it is left."""
    folder, outside = desk.begin("playing")
    video = make_media(outside / "video", 3_000_000)
    desk.mount.finished(desk.simulator, folder.name, video=video)
    right = video.read_bytes()
    others = media_files(desk)
    with open(folder / "video.mp4", "rb", buffering=0) as player:
        got = player.read(50_000)
        mine = media_files(desk) - others
        desk.shell(REMOVERS[remover], folder)
        try:
            while piece := player.read(100_000):
                got += piece
            assert len(got) == len(right)
        except OSError as error:
            assert error.errno == 5
    assert right.startswith(got)
    wait_for(lambda: not any(path.exists() for path in mine), "its bytes are dropped")
    assert not folder.exists()
