"""Edit: editors and editing tools on a trigger file, in each state of its task."""

import json
import os
import re
import time

import pytest

from desk import ORDERED, names
from editors import Emacs, Nano, Vim
from harness import field, state, status, task_id, wait_for, wait_state

SETTLE = 0.3

VIM_WAYS = {
    "vim": [],
    "vim with backups": ["set backup"],
    "vim without any backup": ["set nobackup nowritebackup"],
    "vim, backupcopy=yes": ["set backupcopy=yes"],
    "vim, backupcopy=no": ["set backupcopy=no"],
}
EDITORS = {
    **{name: lambda path, home, settings=settings: Vim(path, home, settings) for name, settings in VIM_WAYS.items()},
    "ex": lambda path, home: Vim(path, home, program="ex"),
    "nano": Nano,
    "emacs": Emacs,
}
SCREEN_EDITORS = [name for name in EDITORS if name != "ex"]

# "$1" is the file, "$2" the new text of one line.
TOOLS = {
    "sed -i": 'sed -i "s/.*/$2/" "$1"',
    "sed -i.bak": 'sed -i.bak "s/.*/$2/" "$1"',
    "perl -i": 'perl -i -pe "s/.*/$2/" "$1"',
    "ed": 'printf "%s\\n" ,d a "$2" . w q | ed -s "$1"',
    "ex": 'printf "%s\\n" "%s/.*/$2/" wq! | ex -s "$1"',
    "perl -i.bak": 'perl -i.bak -pe "s/.*/$2/" "$1"',
    "shell": 'echo "$2" > "$1"',
    "tee": 'echo "$2" | tee "$1"',
    "sponge": 'echo "$2" > "$1.tmp" && mv -f "$1.tmp" "$1"',
    "code in place": 'python3 -c "import os, sys; fd = os.open(sys.argv[1], os.O_RDWR); os.ftruncate(fd, 0)\n'
                     'os.write(fd, (sys.argv[2] + chr(10)).encode()); os.fsync(fd); os.close(fd)" "$1" "$2"',
    "code atomic": 'python3 -c "import os, sys; temporary = sys.argv[1] + \'.vsctmp\'; file = open(temporary, \'w\')\n'
                   'file.write(sys.argv[2] + chr(10)); file.close(); os.rename(temporary, sys.argv[1])" "$1" "$2"',
}
BACKUPS = re.compile(r"~$|^#.*#$|\.bak$")


def kept(folder):
    """The names in a folder without the backups that some editors were told to leave."""
    return [name for name in names(folder) if not BACKUPS.search(name) and not re.search(r"\.sw.$|^\.#", name)]


# --- a new file, edited while it is pending ---

@pytest.mark.parametrize("editor", SCREEN_EDITORS)
def test_saving_twice_while_pending_is_one_order_of_the_last_text(desk, editor):
    folder, _ = desk.begin(editor)
    folder.mkdir()
    (folder / "hold").touch()  # a person is slower than a test
    with EDITORS[editor](folder / "prompt.txt", desk.home) as open_editor:
        for text in ("first thoughts", "second thoughts", "A fox"):
            open_editor.replace(text)
            open_editor.save()
            assert not open_editor.was_refused(), open_editor.shown
            assert state(folder) == "pending"
        (folder / "hold").unlink()
        desk.check_one_order(folder, "A fox")  # with the editor still open
    assert kept(folder) == ["prompt.txt"] and (folder / "prompt.txt").read_text().strip() == "A fox"


@pytest.mark.parametrize("tool", TOOLS)
def test_a_pending_order_edited_by_a_tool_is_one_order(desk, tool):
    folder, _ = desk.begin(tool)
    folder.mkdir()
    (folder / "hold").touch()
    (folder / "prompt.txt").write_text("first thoughts\n")
    for text in ("second thoughts", "A fox"):
        desk.shell(TOOLS[tool], folder / "prompt.txt", text)
    (folder / "hold").unlink()
    desk.check_one_order(folder, "A fox")
    assert kept(folder) == ["prompt.txt"] and (folder / "prompt.txt").read_text() == "A fox\n"


def test_saving_again_restarts_the_countdown(make_mount, simulator, tmp_path):
    mount = make_mount(simulator, settle=4)
    folder = mount.path / "cat"
    folder.mkdir()

    def left():
        found = re.search(r"submitted in ([0-9.]+)", status(folder))
        return float(found[1]) if found else None

    with Vim(folder / "prompt.txt", tmp_path) as vim:
        vim.replace("first thoughts")
        vim.save()
        wait_for(lambda: left() is not None and left() <= 2)
        vim.replace("A fox")
        vim.save()
        wait_for(lambda: left() is not None and left() >= 3)
    wait_state(folder, "succeeded")
    assert [request["body"]["content"][0]["text"] for request in simulator.requests(on="create")] == ["A fox"]


# --- a locked file ---

def locked_folder(desk, name, phase):
    """Creates a folder whose task is at the service, in the given state."""
    folder, _ = desk.begin(name)
    desk.simulator.hold("" if phase == "succeeded" else phase)
    folder.mkdir()
    (folder / "prompt.txt").write_text("A fox\n")
    wait_state(folder, phase)
    return folder


def check_untouched(desk, folder, phase, inode):
    prompt = folder / "prompt.txt"
    assert kept(folder) == ["prompt.txt"] and prompt.read_text() == "A fox\n"
    assert state(folder) == phase
    assert prompt.stat().st_ino == inode or not inode
    assert desk.texts() == ["A fox"] and desk.simulator.creates() == 1


@pytest.mark.parametrize("phase", ["queued", "running", "succeeded"])
@pytest.mark.parametrize("editor", SCREEN_EDITORS)
def test_saving_a_locked_file_is_refused_and_loses_nothing(desk, editor, phase):
    folder = locked_folder(desk, editor, phase)
    inode = (folder / "prompt.txt").stat().st_ino
    commands = ["w", "w!"] if editor.startswith("vim") else ["", ""]
    with EDITORS[editor](folder / "prompt.txt", desk.home) as open_editor:
        open_editor.replace("Another fox")
        for command in commands:
            shown = open_editor.save(command) if command else open_editor.save()
            assert open_editor.was_refused(), shown
            assert re.search(r"E212: Can't open file for writing|[Pp]ermission denied|E166|E509|E510|E506", shown), shown
            check_untouched(desk, folder, phase, inode)
        open_editor.terminal.wait_for("Another fox")
    check_untouched(desk, folder, phase, inode)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_cannot_edit_a_locked_file_and_loses_nothing(desk, tool):
    folder = locked_folder(desk, tool, "queued")
    inode = (folder / "prompt.txt").stat().st_ino
    refused = desk.shell(TOOLS[tool], folder / "prompt.txt", "Another fox", check=False)
    if tool != "ex":  # ex prints nothing in silent mode
        assert re.search("[Pp]ermission ?[dD]enied|cannot rename|Can't", refused.stderr), refused
    assert refused.returncode
    for name in ("prompt.txt.tmp", "prompt.txt.vsctmp"):
        if (folder / name).exists():
            (folder / name).unlink()
    check_untouched(desk, folder, "queued", None if ".bak" in tool else inode)  # a backup takes over the inode


def test_an_editor_whose_save_was_refused_can_save_after_a_failure(desk):
    """The editor still has the text to save when the task has failed."""
    folder = locked_folder(desk, "refused", "queued")
    with EDITORS["vim"](folder / "prompt.txt", desk.home) as vim:
        vim.replace("Another fox")
        vim.save()
        assert vim.was_refused()
        desk.simulator.decree(task_id(folder), state="failed", error={"code": "InternalServiceError", "message": "no luck"})
        wait_state(folder, "failed")
        vim.save()
        assert not vim.was_refused(), vim.shown
    wait_state(folder, *ORDERED)
    desk.check_sent("Another fox")
    desk.check_orders("A fox", "Another fox")


# --- a failed or invalid task ---

@pytest.mark.parametrize("editor", SCREEN_EDITORS)
def test_saving_after_a_failure_is_one_new_attempt(desk, editor):
    folder = locked_folder(desk, editor, "queued")
    desk.simulator.decree(task_id(folder), state="failed", error={"code": "InternalServiceError", "message": "no luck"})
    wait_state(folder, "failed")
    with EDITORS[editor](folder / "prompt.txt", desk.home) as open_editor:
        open_editor.replace("Another fox")
        open_editor.save()
        assert not open_editor.was_refused(), open_editor.shown
        wait_state(folder, *ORDERED)
    desk.check_sent("Another fox")
    desk.check_orders("A fox", "Another fox")
    assert not (folder / "error.txt").exists()


@pytest.mark.parametrize("tool", TOOLS)
def test_an_invalid_request_corrected_by_a_tool_is_one_order(desk, tool):
    folder, _ = desk.begin(tool)
    folder.mkdir()
    try:
        (folder / "request.json").write_text('{"prompt": "A fox", "duration": "long"}\n')
    except OSError:
        pass
    wait_state(folder, "invalid")
    text = json.dumps({"prompt": "A fox"})
    desk.shell(TOOLS[tool], folder / "request.json", text)
    desk.check_one_order(folder, "A fox")
    assert kept(folder) == ["request.json"]


@pytest.mark.parametrize("editor", ["vim", "vim with backups", "vim, backupcopy=yes", "vim without any backup", "nano", "emacs"])
def test_an_editor_shows_a_bad_request_and_saves_the_correction(desk, editor):
    folder, _ = desk.begin(editor)
    folder.mkdir()
    with EDITORS[editor](folder / "request.json", desk.home) as open_editor:
        open_editor.replace('{"prompt": "A fox", "durration": 5}')
        shown = open_editor.save()
        wait_state(folder, "invalid")
        assert re.search("Invalid argument|E667|E512|E514|E513|[Ff]sync|Close failed|Write error", shown), shown
        assert "durration" in (folder / "error.txt").read_text()
        assert "durration" in (folder / "request.json").read_text(), "what was written is kept"
        open_editor.replace('{"prompt": "A fox", "duration": 5}')
        # vim started with a new file and now finds one: it needs w! to overwrite it.
        open_editor.save(*["w!"] if editor.startswith("vim") else [])
        desk.check_one_order(folder, "A fox")
    assert kept(folder) == ["request.json"]


GOOD = '{"prompt": "A fox"}\n'


def held_request(desk, name):
    """Creates a folder whose order only the file "hold" holds back."""
    folder, _ = desk.begin(name)
    folder.mkdir()
    (folder / "hold").touch()
    (folder / "request.json").write_text(GOOD)
    return folder


# These restore the previous text after a refused save.
PUT_BACK = ("vim", "vim with backups", "vim, backupcopy=yes", "vim, backupcopy=no", "emacs")


@pytest.mark.parametrize("editor", SCREEN_EDITORS)
def test_a_bad_save_over_a_good_request_sends_neither(desk, editor):
    """The previous text is not sent, either: it is no longer what the user wants."""
    folder = held_request(desk, editor)
    with EDITORS[editor](folder / "request.json", desk.home) as open_editor:
        open_editor.replace('{"prompt": "A wolf", "durration": 5}')
        open_editor.save()
        assert open_editor.was_refused(), open_editor.shown
        (folder / "hold").unlink()
        if editor in PUT_BACK:
            waiting = wait_for(lambda: re.match("the last save was rejected", field(folder, "waiting") or ""))
            assert "durration" in waiting.string and "submit" in waiting.string
            assert (folder / "request.json").read_text() == '{"prompt": "A fox"}\n'
        else:
            wait_state(folder, "invalid")
            assert "durration" in (folder / "error.txt").read_text()
        desk.check_orders()
        open_editor.replace('{"prompt": "A wolf", "duration": 5}')
        open_editor.save(*["w!"] if editor.startswith("vim") else [])
        wait_state(folder, *ORDERED)
        desk.check_orders("marker", "A wolf")


@pytest.mark.parametrize("editor", PUT_BACK)
def test_the_text_restored_after_a_bad_save_still_waits_after_a_restart(desk, editor):
    folder = held_request(desk, editor)
    with EDITORS[editor](folder / "request.json", desk.home) as open_editor:
        open_editor.replace('{"prompt": "A wolf", "durration": 5}')
        open_editor.save()
        assert open_editor.was_refused(), open_editor.shown
        refused = time.time()
    desk.mount.end()
    desk.mount.start()
    (folder / "hold").unlink()
    wait_for(lambda: (field(folder, "waiting") or "").startswith("the last save was rejected"))
    desk.check_orders()
    wait_for(lambda: time.time() - refused > 2.1, "a person's time")
    (folder / "request.json").write_text(GOOD)
    wait_state(folder, *ORDERED)
    desk.check_orders("marker", "A fox")


def test_a_script_that_writes_the_previous_text_later_orders_it(desk):
    folder = held_request(desk, "shell")
    with pytest.raises(OSError):
        (folder / "request.json").write_text('{"durration": 5}')
    (folder / "request.json").write_text(GOOD)  # at once, as vim does
    (folder / "hold").unlink()
    wait_for(lambda: (field(folder, "waiting") or "").startswith("the last save was rejected"))
    desk.check_orders()
    wait_for(lambda: time.time() - (folder / "request.json").stat().st_mtime > 2.1)
    (folder / "request.json").write_text(GOOD)
    wait_state(folder, *ORDERED)
    desk.check_orders("marker", "A fox")


def test_a_submitted_request_is_sent_once_the_hold_is_removed(desk):
    """One `submit` is enough, although the file "hold" is removed later."""
    folder = held_request(desk, "submit")
    with pytest.raises(OSError):
        (folder / "request.json").write_text('{"durration": 5}')
    (folder / "request.json").write_text(GOOD)
    (folder / "status").write_text("submit\n")
    wait_for(lambda: "held by" in (field(folder, "waiting") or ""))
    (folder / "hold").unlink()
    desk.check_one_order(folder, "A fox")


def test_one_save_is_not_mistaken_for_a_restored_text(desk):
    """A child that closes its copy of the descriptor triggers a check of the half-written file."""
    folder = held_request(desk, "child")
    fd = os.open(folder / "request.json", os.O_WRONLY | os.O_TRUNC)
    os.write(fd, GOOD[:5].encode())
    with pytest.raises(OSError):
        os.close(os.dup(fd))
    os.write(fd, GOOD[5:].encode())
    os.close(fd)
    (folder / "hold").unlink()
    desk.check_one_order(folder, "A fox")


def test_the_text_restored_after_a_bad_save_is_sent_by_submit(desk):
    folder = held_request(desk, "submit")
    with EDITORS["vim"](folder / "request.json", desk.home) as vim:
        vim.replace('{"prompt": "A wolf", "durration": 5}')
        vim.save()
    (folder / "hold").unlink()
    wait_for(lambda: (field(folder, "waiting") or "").startswith("the last save was rejected"))
    (folder / "status").write_text("submit\n")
    desk.check_one_order(folder, "A fox")


@pytest.mark.parametrize("tool", ["sed -i", "code atomic"])
def test_a_new_file_over_a_bad_save_is_one_order(desk, tool):
    """It is renamed into place, as a restored text is."""
    folder, _ = desk.begin(tool)
    folder.mkdir()
    (folder / "hold").touch()
    with pytest.raises(OSError):
        (folder / "request.json").write_text('{"prompt": "A wolf", "durration": 5}\n')
    desk.shell(TOOLS[tool], folder / "request.json", '{"prompt": "A fox"}')
    (folder / "hold").unlink()
    desk.check_one_order(folder, "A fox")
