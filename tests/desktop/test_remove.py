"""Remove: task folders in every state, moved to the trash, restored, and deleted."""

import os

import pytest

from harness import make_media, wait_for
from states import STATES, Folders

SETTLE = 2  # longer than any remover needs between two files on a busy machine


def media_files(desk):
    """The downloaded bytes of all tasks."""
    return {path for path in (desk.mount.library / "media").rglob("*") if path.is_file()}


def folders_with_media(desk, folder):
    """Creates a folder in each state, with downloaded bytes of the finished one that must be
    deleted with it."""
    others = media_files(desk)
    folders = Folders(desk, folder)
    assert (folders["succeeded"] / "video.mp4").read_bytes() == folders.video.read_bytes()
    assert (folders["succeeded"] / "last_frame.png").read_bytes()
    return folders, wait_for(lambda: media_files(desk) - others)


# --- the trash ---

THROW = 'for path in "$@"; do gio trash "$path" || exit 1; done'
# gvfs lists the trash of all mounts; only entries below "$1" may be touched.
LISTED = """
    listed() { gio trash --list | awk -F '\\t' -v below="$1/" 'index($2, below) == 1 { print $1 }'; }
    for try in $(seq 300); do [ "$(listed "$1" | wc -l)" -ge "$2" ] && break; sleep 0.1; done
    listed "$1" | while read -r uri; do echo "$uri"; %s "$uri" || exit 1; done
"""
RESTORE = LISTED % "gio trash --restore"
# Emptying does this with each entry: gvfs removes it from the list at once and then deletes it in a
# process that ends with the session.
EMPTY = LISTED % "gio remove" + """
    for try in $(seq 300); do [ -z "$(ls -A "$3"/.Trash-*/expunged)" ] && break; sleep 0.1; done
"""


def throw_away(desk, folders):
    desk.in_session(THROW, *folders.paths.values())
    assert not any(path.exists() for _, path in folders.items())


def take_out(desk, script, folder, folders):
    done = desk.in_session(script, folder, str(len(folders.paths)), desk.path)
    assert len(done.stdout.split()) == len(folders.paths), (done.stdout, done.stderr)


def test_folders_are_restored_from_the_trash(desk):
    """gio uses the mount's own trash, in which nothing is ordered; restored folders are unchanged."""
    folder, _ = desk.begin("trash")
    folders = Folders(desk, folder)
    before = desk.texts()
    throw_away(desk, folders)
    (trash,) = desk.path.glob(".Trash-*")
    (trash / "files" / "held" / "hold").unlink()  # anywhere else, it would be sent
    desk.check_marker(before)
    before = desk.texts()
    (trash / "files" / "held" / "hold").touch()
    take_out(desk, RESTORE, folder, folders)
    folders.check_all_the_same()
    folders.check_each_goes_on(before)


def test_folders_are_restored_after_a_restart_of_the_daemon(desk):
    folder, _ = desk.begin("trash")
    folders = Folders(desk, folder, [phase for phase in STATES if phase != "submitting"])
    before = desk.texts()
    throw_away(desk, folders)
    desk.mount.end()
    desk.mount.start()
    take_out(desk, RESTORE, folder, folders)
    folders.check_all_the_same()
    folders.check_each_goes_on(before)


def test_emptying_the_trash_cancels_and_deletes(desk):
    """Tasks are cancelled and paid videos deleted, as by rm."""
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


# --- deletion ---

REMOVERS = {
    "rm -r": 'rm -r "$1"',
    "gio remove": 'find "$1" -depth -print0 | xargs -0 gio remove',
    "kioclient remove": 'kioclient --noninteractive remove "file://$1"',
    "python": 'python3 -c "import shutil, sys; shutil.rmtree(sys.argv[1])" "$1"',
}


@pytest.mark.parametrize("remover", REMOVERS)
def test_removing_a_folder_in_every_state(desk, remover):
    """An editor and a player have files of it open. The folder disappears, its task is cancelled
    where possible, and it is never ordered again."""
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
def test_removing_during_playback(desk, remover):
    """The player reads on or gets an error, and never gets wrong bytes. Nothing is left once it has
    closed the file."""
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
