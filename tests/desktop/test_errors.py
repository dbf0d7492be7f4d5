"""Errors as people see them: what each writing program reports when the request is bad, the task
locked, the disk full or the service unreachable; and what the folder then holds.
"""

import errno
import json
import re

import pytest

import desk as desks
import harness
import seen
from desk import names
from harness import field, run, state, status, wait_for, wait_state

SETTLE = 0.5

BAD = json.dumps({"prompt": "A fox", "durration": 5})
# These end with a rename or ignore the result of close: only the folder shows the error.
SILENT = {"rsync -a", "rsync --delay-updates", "rsync --partial", "rsync --partial-dir", "unzip", "sed -i", "perl -i"}
KIO = {"kioclient copy", "kioclient copy --overwrite", "kioclient move"}
SAID = {
    "curl": "Failed writing|Failure writing",
    "vim": "E512: Close failed",
    "vim, backupcopy=yes": "E512: Close failed",
    **{program: "Could not write to file" for program in KIO},
}


@pytest.mark.parametrize("writer", [*seen.WRITERS, *seen.EDITORS])
def test_a_bad_request_is_reported(desk, writer):
    folder, outside = desk.begin(writer)
    folder.mkdir()
    if writer in seen.CHANGERS:
        (folder / "hold").touch()
        (folder / "request.json").write_text('{"prompt": "A fox"}\n')
    failed, text = seen.by(desk, writer, outside, folder / "request.json", BAD)
    (folder / "hold").unlink(missing_ok=True)
    assert failed == (writer not in SILENT), text
    if failed:
        assert_says(text, SAID.get(writer, "Invalid argument"))
    if writer in KIO:  # it removes a file that it could not write completely, and keeps the source
        assert json.loads((outside / "request.json").read_text()) == json.loads(BAD)
        wait_for(lambda: "durration" in (field(folder, "waiting") or ""))
        assert "rejected" in field(folder, "waiting") and names(folder) == []
    else:
        wait_state(folder, "invalid")
        error = (folder / "error.txt").read_text()
        assert "nothing was billed" in error and "request.json" in error
        assert 'unknown key "durration"; to send a key unchecked, put it in "extra": {…}; did you mean "duration"?' in error
        assert (folder / "request.json").read_text().strip() == BAD
        assert "durration" in field(folder, "note")
    desk.check_orders()


@pytest.mark.parametrize("writer", [*seen.WRITERS, *seen.EDITORS])
def test_writing_to_a_locked_folder_is_reported(desk, writer):
    folder, outside = desk.begin(writer)
    desk.simulator.hold("queued")
    folder.mkdir()
    (folder / "prompt.txt").write_text("A fox\n")
    wait_state(folder, "queued")
    failed, text = seen.by(desk, writer, outside, folder / "prompt.txt", "Another fox")
    if writer == "kioclient copy --overwrite":  # it would write a new file beside it, and report no refused rename
        assert failed and not (folder / "prompt.txt.part").exists()
        assert_says(text, "Access denied")
    elif writer in KIO:
        assert failed
        assert_says(text, "already exists")
    else:
        assert failed
        assert_says(text, {"curl": "Failure writing", "vim": "E212: Can't open file for writing",
                           "vim, backupcopy=yes": "E212: Can't open file for writing"}.get(writer, "[Pp]ermission denied"))
    assert (folder / "prompt.txt").read_text() == "A fox\n" and state(folder) == "queued"
    assert desk.texts() == ["A fox"] and desk.simulator.creates() == 1
    if outside.joinpath("prompt.txt").exists():
        assert (outside / "prompt.txt").read_text() == "Another fox\n"
    else:
        assert writer in seen.EDITORS, "what could not be moved stays where it was"


def assert_says(text, pattern):
    assert re.search(pattern, text), text


# --- the disk is full ---

@pytest.fixture(scope="module")
def small_desk(tmp_path_factory):
    """A desk whose library is on its own disk of 24 MiB."""
    directory = tmp_path_factory.mktemp("small")
    (directory / "library").mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=24M,mode=700", "tmpfs", directory / "library")
    try:
        small = desks.Desk(directory, 0.5)
        yield small
        small.close()
    finally:
        run("umount", "-l", directory / "library")


def fill(library):
    """Fills the disk to the last page; removing the returned file frees the space."""
    filling = library / "filling"
    with open(filling, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return filling


@pytest.mark.mounts_a_disk
@pytest.mark.parametrize("writer", [*seen.WRITERS, *seen.EDITORS])
def test_a_full_disk_is_reported(small_desk, writer):
    """The program reports it, nothing is ordered, the mount loses no existing text, and everything
    works once there is space."""
    desk = small_desk
    desk.mount.expect_log("No space left", "disk is full", "ledger")
    folder, outside = desk.begin(writer)
    folder.mkdir()
    (folder / "hold").touch()
    if writer in seen.CHANGERS:
        (folder / "prompt.txt").write_text("old words\n")
    filling = fill(desk.mount.library)
    try:
        failed, text = seen.by(desk, writer, outside, folder / "prompt.txt", "A fox")
    finally:
        filling.unlink()
    if not failed:  # truncating the old text made space for the new one
        assert writer == "VS Code's way" and (folder / "prompt.txt").read_text() == "A fox\n", text
        return
    if writer not in seen.EDITORS:
        assert (outside / "prompt.txt").read_text() == "A fox\n", "what could not be moved stays where it was"
    assert_says(text, {"curl": "Fail", "vim": "E514: Write error|E512|E509|E212|E667|E510|E513", "unzip": "write|disk full|cannot"}.get(
        writer, "No space left|E\\d+|disk full|Disk full|[Cc]ould not write|not enough|space"))
    (folder / "prompt.txt").write_text("A fox\n")
    (folder / "hold").unlink()
    desk.check_one_order(folder, "A fox")


# --- the service is unreachable ---

def test_writing_works_while_the_service_is_unreachable(make_mount, tmp_path):
    """The order waits, says why, and is sent once the service answers again."""
    with harness.closing_port() as port:
        key = tmp_path / "key"
        key.write_text("test-key")
        key.chmod(0o600)
        mount = make_mount(config=f"[provider ark]\ntype = ark\nbase_url = http://127.0.0.1:{port}\nkey_file = {key}\n")
        mount.expect_log("create_failed", "not_sent", "unreachable", "connect")
        folders = {}
        home = tmp_path / "home"
        home.mkdir()

        class Away:
            shell = staticmethod(lambda script, *arguments, check=True: desks.programs.shell(
                script, *arguments, home=home, check=check))
        Away.home = home
        for writer in [*seen.WRITERS, *seen.EDITORS]:
            folder = mount.path / f"by-{len(folders)}"
            folder.mkdir()
            outside = tmp_path / f"outside-{len(folders)}"
            outside.mkdir()
            if writer in seen.CHANGERS:
                (folder / "prompt.txt").write_text("old words\n")
            failed, text = seen.by(Away, writer, outside, folder / "prompt.txt", "A fox")
            assert not failed, (writer, text)
            folders[writer] = folder
        for writer, folder in folders.items():
            waiting = wait_for(lambda: "127.0.0.1" in (field(folder, "waiting") or "") and field(folder, "waiting"),
                               f"{writer}: {status(folder)}")
            assert state(folder) == "pending" and "onnect" in waiting, waiting
            assert (folder / "prompt.txt").read_text().strip() == "A fox"
            assert not (folder / "error.txt").exists()
