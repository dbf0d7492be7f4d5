"""Orders: what is an order, what is not, and that no order is billed twice."""

import ctypes
import json
import os
import pathlib
import shutil
import signal

import pytest

from harness import control, field, png, run, settled, shell, state, status, task_id, wait_for, wait_state


# --- ways of writing: each makes one order ---

WRITERS = {
    "echo": 'echo "A fox" > "$1"/prompt.txt',
    "printf": 'printf "A fox" > "$1"/prompt.txt',
    "two children": '{ echo "A fox"; /bin/true; echo "in snow"; } > "$1"/prompt.txt',
    "append": 'echo "A fox" >> "$1"/prompt.txt; echo "in snow" >> "$1"/prompt.txt',
    "tee": 'echo "A fox" | tee "$1"/prompt.txt',
    "cp": 'echo "A fox" > "$2"/x; cp "$2"/x "$1"/prompt.txt',
    "cp -a": 'echo "A fox" > "$2"/x; cp -a "$2"/x "$1"/prompt.txt',
    "mv": 'echo "A fox" > "$2"/x; mv "$2"/x "$1"/prompt.txt',
    "mv within": 'echo "A fox" > "$1"/draft; mv "$1"/draft "$1"/prompt.txt',
    "install": 'echo "A fox" > "$2"/x; install -m 644 "$2"/x "$1"/prompt.txt',
    "dd": 'echo "A fox" | dd of="$1"/prompt.txt conv=fsync status=none',
    "rsync": 'mkdir "$2"/s; echo "A fox" > "$2"/s/prompt.txt; rsync -a "$2"/s/ "$1"/',
    "rsync --inplace": 'mkdir "$2"/s; echo "A fox" > "$2"/s/prompt.txt; rsync -a --inplace "$2"/s/ "$1"/',
    "tar": 'mkdir "$2"/s; echo "A fox" > "$2"/s/prompt.txt; tar -C "$2"/s -c . | tar -C "$1" -x',
    "sed -i": 'echo "A dog" > "$1"/prompt.txt; sed -i s/dog/fox/ "$1"/prompt.txt',
    "python": 'python3 -c \'import sys; open(sys.argv[1]+"/prompt.txt","w").write("A fox")\' "$1"',
    "atomic save": 'echo "A fox" > "$1"/.prompt.txt.tmp; mv -f "$1"/.prompt.txt.tmp "$1"/prompt.txt',
    "json": 'echo "{\\"prompt\\": \\"A fox\\"}" > "$1"/request.json',
    "markdown": 'echo "A fox" > "$1"/prompt.md',
    "no extension": 'echo "A fox" > "$1"/prompt',
}


@pytest.mark.parametrize("writer", WRITERS)
def test_each_way_of_writing_is_one_order(mount, simulator, tmp_path, writer):
    folder = mount.path / "fox"
    folder.mkdir()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    shell(WRITERS[writer], folder, scratch)
    wait_state(folder, "succeeded")
    settled(mount, simulator, 1)
    text = simulator.requests(on="create")[0]["body"]["content"][0]["text"]
    assert text.startswith("A fox")


@pytest.mark.parametrize("name", [".prompt.txt.swp", "prompt.txt~", "#prompt.txt#", "4913", "prompt.txt.part",
                                  "sedAbCdEf", "notes.txt", ".goutputstream-AB12", "prompt.tmp"])
def test_scratch_names_never_trigger(mount, simulator, name):
    folder = mount.path / "fox"
    folder.mkdir()
    (folder / name).write_text("A fox\n")
    settled(mount, simulator, 0)
    assert os.listdir(folder) == [name]


def test_an_empty_trigger_is_no_order(mount, simulator):
    folder = mount.path / "fox"
    folder.mkdir()
    (folder / "prompt.txt").touch()
    settled(mount, simulator, 0)
    (folder / "prompt.txt").write_text("A fox\n")
    wait_state(folder, "succeeded")


def test_a_trigger_in_the_root_or_the_trash_is_no_order(mount, simulator):
    (mount.path / "prompt.txt").write_text("A fox\n")
    trash = mount.path / ".Trash-1000" / "files" / "fox"
    trash.mkdir(parents=True)
    (trash / "prompt.txt").write_text("A fox\n")
    settled(mount, simulator, 0)


def test_a_file_that_appears_behind_the_mount_is_no_order(mount, simulator):
    folder = mount.library / "tree" / "fox"
    folder.mkdir()
    (folder / "prompt.txt").write_text("A fox\n")
    settled(mount, simulator, 0)
    assert sorted(os.listdir(mount.path / "fox")) == ["prompt.txt"]


def test_a_hard_link_is_no_order_and_a_trigger_with_a_second_link_waits(mount, simulator):
    folder = mount.path / "fox"
    folder.mkdir()
    (mount.path / "elsewhere").write_text("A fox\n")
    os.link(mount.path / "elsewhere", folder / "prompt.txt")
    settled(mount, simulator, 0)
    other = mount.folder("other")
    os.link(other / "prompt.txt", mount.path / "second-name")
    wait_for(lambda: "hard links" in (field(other, "waiting") or ""))
    assert simulator.creates() == 1
    (mount.path / "second-name").unlink()
    shell('touch "$1"/poke', other)
    wait_state(other, "succeeded")


# --- settling ---

def test_files_can_be_dropped_in_any_order(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "request.json").write_text(json.dumps({
        "content": [{"type": "text", "text": "it yawns"},
                    {"type": "image_url", "image_url": {"url": "cat.png"}, "role": "first_frame"}]}))
    wait_for(lambda: "cat.png does not exist yet" in (field(folder, "waiting") or ""))
    picture = png(640, 360)
    with open(folder / "cat.png", "wb") as file:
        file.write(picture[:100])
        file.flush()
        wait_for(lambda: "open for writing" in (field(folder, "waiting") or ""))
        file.write(picture[100:])
    wait_state(folder, "succeeded")
    assert simulator.creates() == 1


def test_an_incomplete_picture_is_waited_for(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    picture = png(640, 360)
    (folder / "first_frame.png").write_bytes(picture[:-20])
    (folder / "prompt.txt").write_text("it yawns\n")
    wait_for(lambda: "first_frame.png is incomplete (PNG without its end)" in (field(folder, "waiting") or ""))
    (folder / "first_frame.png").write_bytes(picture)
    wait_state(folder, "succeeded")
    sent = simulator.requests(on="create")[0]["body"]["content"]
    assert [item["type"] for item in sent] == ["text", "image_url"]
    assert sent[1]["role"] == "first_frame" and sent[1]["image_url"]["url"].startswith("data:image/png;base64,")


def test_an_input_with_a_second_hard_link_is_sent(mount, simulator):
    """An input made by `cp -l`: the daemon sends a copy that it has compared with the file."""
    pictures, folder = mount.path / "pictures", mount.path / "cat"
    pictures.mkdir()
    folder.mkdir()
    (pictures / "cat.png").write_bytes(png(640, 360))
    run("cp", "-l", pictures / "cat.png", folder / "first_frame.png")
    mount.end()
    mount.start()  # the daemon does not know the other link yet
    with open(pictures / "cat.png", "r+b") as file:
        (folder / "prompt.txt").write_text("it yawns\n")
        wait_for(lambda: "first_frame.png is open for writing" in (field(folder, "waiting") or ""), "held")
        file.write(png(640, 360))
    wait_state(folder, "succeeded")
    settled(mount, simulator, 1)


def test_a_writer_holds_the_folder_back(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    with open(folder / "prompt.txt", "w") as file:
        file.write("A cat")
        file.flush()
        wait_for(lambda: "open for writing" in (field(folder, "waiting") or ""))
        assert str(os.getpid()) in field(folder, "waiting")
        assert state(folder) == "pending"
    wait_state(folder, "succeeded")


def test_edits_while_pending_make_one_order_of_the_last_text(make_mount, simulator):
    mount = make_mount(simulator, settle=0.6)
    folder = mount.folder(prompt="first")
    for text in ("second", "third", "last"):
        (folder / "prompt.txt").write_text(text + "\n")
    wait_state(folder, "succeeded")
    bodies = [request["body"] for request in simulator.requests(on="create")]
    assert [body["content"][0]["text"] for body in bodies] == ["last"]


def test_settling_is_shown(make_mount, simulator):
    mount = make_mount(simulator, settle=30)
    folder = mount.folder()
    assert "settling: will be submitted in" in field(folder, "waiting")
    assert control(folder, "submit").returncode == 0
    wait_state(folder, "succeeded")


def waiting_for_input(mount, name="cat"):
    """Creates a folder that was submitted and misses an input."""
    folder = mount.path / name
    folder.mkdir()
    (folder / "request.json").write_text(json.dumps({"content": [
        {"type": "text", "text": "it yawns"},
        {"type": "image_url", "image_url": {"url": "cat.png"}, "role": "first_frame"}]}))
    assert control(folder, "submit").returncode == 0
    wait_for(lambda: "cat.png does not exist yet" in (field(folder, "waiting") or ""), "the missing input")
    return folder


@pytest.mark.parametrize("word", ["submit", "retry"])
def test_files_added_after_submit_settle(make_mount, simulator, word):
    """The file that arrives may be one of several."""
    mount = make_mount(simulator, settle=30)
    folder = waiting_for_input(mount)
    if word == "retry":
        assert control(folder, "cancel").returncode == 0
        wait_state(folder, "cancelled")
        assert control(folder, "retry").returncode == 0
        wait_for(lambda: "cat.png does not exist yet" in (field(folder, "waiting") or ""), "the missing input")
    (folder / "cat.png").write_bytes(png(640, 360))
    wait_for(lambda: state(folder) != "pending" or "settling: will be submitted in" in (field(folder, "waiting") or ""), "a decision")
    assert state(folder) == "pending" and simulator.creates() == 0
    assert control(folder, "submit").returncode == 0
    wait_state(folder, "succeeded")
    assert simulator.creates() == 1


def test_a_submitted_folder_is_sent_once_its_input_has_settled(mount, simulator):
    folder = waiting_for_input(mount, ".cat")  # a temporary name: only `submit` sends it
    (folder / "cat.png").write_bytes(png(640, 360))
    wait_state(folder, "succeeded")
    settled(mount, simulator, 1)


def test_a_copied_record_after_submit_holds_the_order_even_once_removed(mount, simulator):
    folder = waiting_for_input(mount)
    (folder / "task.json").write_text("{}")
    (folder / "task.json").unlink()
    (folder / "cat.png").write_bytes(png(640, 360))
    settled(mount, simulator, 0)
    assert state(folder) == "pending" and "copy" in field(folder, "waiting")
    assert control(folder, "submit").returncode == 0
    wait_state(folder, "succeeded")
    settled(mount, simulator, 2)  # includes the marker of the first call


# --- bad requests ---

@pytest.mark.parametrize("text, words", [
    ('{"prompt": "x", "durration": 5}', ["request.json", "durration", "duration"]),
    ('{"prompt": "x", "duration": 99}', ["request.json", "duration", "99", "4 to 12"]),
    ('{"prompt": "x", "resolution": "720"}', ["resolution", "720p"]),
    ('{"prompt": "x",}', ["request.json", "line 1"]),
    ('{"prompt": ""}', ["prompt is empty"]),
    ('{"model": "doubao-seedance-1-5-pro-251215"}', ["no prompt"]),
    ('{"prompt": "x", "provider": "arc"}', ["provider", "arc", "ark"]),
    ('{"prompt": "x", "content": [{"type": "image_url", "image_url": {"url": "../../../../etc/passwd"}}]}',
     ["is outside the mount"]),
    ('{"prompt": "x", "seed": 1, "seed": 2}', ["duplicate key"]),
])
def test_a_bad_request_is_refused_and_kept(mount, simulator, text, words):
    folder = mount.path / "bad"
    folder.mkdir()
    (folder / "..").exists()
    pathlib.Path(folder.parent.parent / "r.json").write_text(text)
    shell('cp "$1" "$2"/request.json', folder.parent.parent / "r.json", folder, check=False)
    wait_state(folder, "invalid")
    error = (folder / "error.txt").read_text()
    assert "nothing was billed" in error
    for word in words:
        assert word in error, error
    assert (folder / "request.json").read_text() == text
    assert simulator.creates() == 0 and not simulator.requests(on="create")
    (folder / "request.json").write_text('{"prompt": "A fox"}')
    wait_state(folder, "succeeded")
    assert not (folder / "error.txt").exists()


def test_a_bad_request_fails_the_close_of_a_copier(mount, tmp_path):
    folder = mount.path / "bad"
    folder.mkdir()
    (tmp_path / "r.json").write_text('{"durration": 5}')
    refused = run("cp", tmp_path / "r.json", folder / "request.json", check=False)
    assert refused.returncode == 1 and "Invalid argument" in refused.stderr
    assert (folder / "request.json").read_text() == '{"durration": 5}'


@pytest.mark.parametrize("name, text, word", [
    ("request.json", '{"prompt": "x", "duration": 99}', "99"),
    ("request.json", '{"prompt": "x", "resolution": "720"}', "720"),
    ("request.json", '{"prompt": "x", "provider": "arc"}', "arc"),
    ("request.json", '{"prompt": "x", "model": "seedance-1.0-pro", "duration": 30}', "30"),
    ("prompt.txt", "A fox --dur 99", "99"),
])
def test_a_value_that_no_model_supports_fails_the_close_of_a_copier(mount, tmp_path, name, text, word):
    folder = mount.path / "bad"
    folder.mkdir()
    (tmp_path / "r").write_text(text)
    refused = run("cp", tmp_path / "r", folder / name, check=False)
    assert refused.returncode == 1 and "Invalid argument" in refused.stderr
    assert (folder / name).read_text() == text
    wait_state(folder, "invalid")
    assert word in (folder / "error.txt").read_text()


@pytest.mark.parametrize("name, text, error", [
    ("prompt.txt", "A fox --dur 30", "30"),  # another model supports it
    ("request.json", '{"prompt": "x", "duration": 99, "model": "ep-20260101-abcde"}', None),  # its limits are unknown
])
def test_a_value_that_depends_on_other_files_does_not_fail_the_close(mount, tmp_path, name, text, error):
    folder = mount.path / "cat"
    folder.mkdir()
    (tmp_path / "r").write_text(text)
    run("cp", tmp_path / "r", folder / name)
    if error:
        wait_state(folder, "invalid")
        assert error in (folder / "error.txt").read_text()
        (folder / name).unlink()
    (folder / "request.json").write_text('{"model": "seedance-2.5", "prompt": "x", "duration": 30}')
    wait_state(folder, "succeeded")


def test_a_refused_save_that_becomes_valid_waits_for_submit(mount, simulator, tmp_path):
    """The user saw the save fail, so the order is not sent automatically."""
    folder = mount.path / "film" / "cat"
    folder.mkdir(parents=True)
    (folder / "hold").touch()
    (tmp_path / "r").write_text('{"prompt": "A fox", "model": "seedance-1.0-pro", "provider": "other"}')
    assert run("cp", "-p", tmp_path / "r", folder / "request.json", check=False).returncode == 1
    (folder / "request.json").unlink()
    (tmp_path / "r").write_text('{"prompt": "A fox", "duration": 60}')
    assert run("cp", tmp_path / "r", folder / "request.json", check=False).returncode == 1
    (mount.path / "film" / "defaults.json").write_text('{"model": "ep-20260101-abcde"}')
    (folder / "hold").unlink()
    wait_for(lambda: "the last save was rejected" in (field(folder, "waiting") or ""))
    assert state(folder) == "pending" and not simulator.requests(on="create")
    (mount.path / "film" / "defaults.json").unlink()
    (folder / "hold").touch()
    (folder / "hold").unlink()
    wait_state(folder, "invalid")
    (folder / "request.json").write_text('{"prompt": "A fox", "duration": 6}')
    wait_state(folder, "succeeded")
    assert simulator.creates() == 1


def test_values_are_checked_together_with_the_defaults(mount, tmp_path):
    (mount.path / "defaults.json").write_text('{"model": "ep-20260101-abcde"}')
    folder = mount.path / "cat"
    folder.mkdir()
    (tmp_path / "r").write_text("A fox --dur 99")
    run("cp", tmp_path / "r", folder / "prompt.txt")
    wait_state(folder, "invalid")
    assert "the service says" in (folder / "error.txt").read_text()  # it was sent


def test_a_request_that_the_service_rejects_is_invalid(mount, simulator):
    folder = mount.path / "bad"
    folder.mkdir()
    (folder / "request.json").write_text('{"prompt": "A fox", "model": "doubao-seedance-9"}')
    wait_state(folder, "invalid")
    assert "InvalidEndpointOrModel" in (folder / "error.txt").read_text()
    assert simulator.creates() == 0


def test_an_input_that_is_no_picture_is_rejected(mount, simulator):
    folder = mount.path / "bad"
    folder.mkdir()
    (folder / "first_frame.png").write_text("this is no picture")
    (folder / "prompt.txt").write_text("A fox\n")
    wait_state(folder, "invalid")
    assert "first_frame.png" in (folder / "error.txt").read_text()
    (folder / "first_frame.png").write_bytes(png(640, 360))
    wait_state(folder, "succeeded")


# --- copies ---

COPIERS = {
    "cp -r": 'cp -r "$1" "$2"',
    "cp -a": 'cp -a "$1" "$2"',
    "rsync": 'rsync -a "$1"/ "$2"/',
    "tar": 'mkdir "$2"; tar -C "$1" -c . | tar -C "$2" -x',
    "onto an existing folder": 'mkdir "$2"; cp -r "$1"/. "$2"',
    "python": 'python3 -c "import shutil,sys; shutil.copytree(sys.argv[1], sys.argv[2])" "$1" "$2"',
}


@pytest.mark.parametrize("from_mount", [True, False])
@pytest.mark.parametrize("copier", COPIERS)
def test_a_copy_is_not_an_order(mount, simulator, tmp_path, copier, from_mount):
    source = mount.folder()
    wait_state(source, "succeeded")
    if not from_mount:
        outside = tmp_path / "outside"
        shell('cp -r "$1" "$2"', source, outside)
        source = outside
    copy = mount.path / "copy"
    copied = shell(COPIERS[copier], source, copy, check=False)
    settled(mount, simulator, 1)
    assert (copy / "video.mp4").read_bytes() == (source / "video.mp4").read_bytes()
    if copied.returncode:
        # cp copies in the order of inode numbers: the prompt of an ordinary folder may be copied
        # before its status, which the mount then already shows. cp reports an error, and there is
        # still no order.
        assert copier.startswith("cp") and not from_mount
        assert copied.stderr.count("\n") == 1 and "status': File exists" in copied.stderr
    else:
        assert (copy / "status").read_text().startswith("succeeded\n")
    run("rm", "-r", copy)
    assert state(mount.path / "cat") == "succeeded"


@pytest.mark.parametrize("copier", ["rsync", "tar", "onto an existing folder"])
def test_a_copy_whose_prompt_comes_first_is_not_an_order(make_mount, simulator, tmp_path, copier):
    """An ordinary directory lists its names in any order, so the prompt may be written first."""
    mount = make_mount(simulator, settle=5)  # longer than the time between two files
    source = tmp_path / "source"
    source.mkdir()
    for name, text in (("prompt.txt", "A cat\n"), ("video.mp4", "bytes"), ("task.json", "{}"),
                       ("status", "succeeded\nprovider: ark\n")):
        (source / name).write_text(text)
    copy = mount.path / "copy"
    copy.mkdir()
    for name in ("prompt.txt", "video.mp4", "task.json", "status"):
        if copier == "rsync":
            shell('rsync -a "$1" "$2"/', source / name, copy)
        elif copier == "tar":
            shell('tar -C "$1" -c "$3" | tar -C "$2" -x', source, copy, name)
        else:
            shell('cp "$1" "$2"/', source / name, copy)
    settled(mount, simulator, 0)
    assert (copy / "status").read_text() == "succeeded\nprovider: ark\n"
    assert (copy / "video.mp4").read_text() == "bytes"
    for name in ("status", "video.mp4", "task.json"):
        (copy / name).unlink()
    wait_for(lambda: "copy" in (field(copy, "waiting") or ""))
    assert control(copy, "submit").returncode == 0
    wait_state(copy, "succeeded")


def test_moving_a_folder_changes_nothing(mount, simulator):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    (mount.path / "films").mkdir()
    run("mv", folder, mount.path / "films" / "scene")
    moved = mount.path / "films" / "scene"
    assert state(moved) == "succeeded" and (moved / "video.mp4").stat().st_size > 0
    mount.end()
    mount.start()
    assert state(moved) == "succeeded"
    settled(mount, simulator, 1)


def test_saving_the_same_text_again_is_no_new_order(mount, simulator):
    simulator.hold("running")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    simulator.decree(task, state="failed", error={"code": "InternalServiceError", "message": "no luck"})
    wait_state(folder, "failed")
    simulator.hold("")
    (folder / "prompt.txt").write_text((folder / "prompt.txt").read_text())
    wait_for(lambda: state(folder) == "failed" and "the same as in this attempt" in status(folder))
    settled(mount, simulator, 1)
    (folder / "prompt.txt").write_text("Another kitten\n")
    wait_state(folder, "succeeded")


# --- locks ---

def test_a_sent_task_is_locked_and_editors_lose_nothing(mount, simulator):
    folder = mount.folder(prompt="A cat")
    wait_state(folder, "succeeded")
    prompt = folder / "prompt.txt"
    for command in ('echo other > "$1"', 'echo other >> "$1"', 'truncate -s 0 "$1"', 'echo x > "$1.new"; mv "$1.new" "$1"',
                    'rm -f "$1.new"; cp /etc/hostname "$1"', 'ln -f /proc/version "$1"'):
        assert shell(command, prompt, check=False).returncode != 0, command
        assert prompt.read_text() == "A cat\n"
    prompt.chmod(0o600)
    os.utime(prompt)
    # vim: rename away, a refused create, rename back
    run("mv", prompt, folder / "prompt.txt~")
    assert shell('echo other > "$1"', prompt, check=False).returncode
    run("mv", folder / "prompt.txt~", prompt)
    assert prompt.read_text() == "A cat\n"
    # vim, the other way: unlink, then a refused create
    prompt.unlink()
    assert shell('echo other > "$1"', prompt, check=False).returncode
    assert prompt.read_text() == "A cat\n"
    settled(mount, simulator, 1)


def test_outputs_refuse_writes_and_an_input_with_an_output_name_stays(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    (folder / "first_frame.png").write_bytes(png(640, 360))
    (folder / "last_frame.png").write_bytes(png(640, 360))
    (folder / "prompt.txt").write_text("it yawns\n")
    wait_state(folder, "succeeded")
    assert (folder / "last_frame.png").read_bytes() == png(640, 360)
    assert (folder / "last_frame.out.png").read_bytes() != png(640, 360)
    assert shell('echo x > "$1"', folder / "video.mp4", check=False).returncode
    assert shell('echo x > "$1"', folder / "first_frame.png", check=False).returncode


def test_outputs_are_copied_when_moved_out(mount, tmp_path):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    data = (folder / "video.mp4").read_bytes()
    run("mv", folder / "video.mp4", tmp_path / "mine.mp4")
    assert (tmp_path / "mine.mp4").read_bytes() == data
    run("mv", folder / "last_frame.png", mount.path / "frame.png")
    assert sorted(os.listdir(folder)) == ["prompt.txt", "status", "task.json"]
    for name in ("status", "task.json"):
        assert run("mv", folder / name, tmp_path / name, check=False).returncode == 0  # mv copies and unlinks
    assert os.listdir(folder) == ["prompt.txt"]


# --- limits ---

def test_submissions_per_hour_holds_further_orders(make_mount, simulator):
    mount = make_mount(simulator, options=["submissions_per_hour=2"])
    folders = [mount.folder(f"cat-{i}") for i in range(3)]
    wait_for(lambda: sum(state(folder) == "succeeded" for folder in folders) == 2)
    waiting = wait_for(lambda: next((field(f, "waiting") for f in folders if state(f) == "pending"), None))
    wait_for(lambda: any("submissions_per_hour = 2" in (field(f, "waiting") or "") for f in folders))
    assert waiting and simulator.creates() == 2
    mount.end()
    mount.start()
    wait_for(lambda: any("submissions_per_hour = 2" in (field(f, "waiting") or "") for f in folders))
    assert simulator.creates() == 2


@pytest.mark.parametrize("is_replaced", [True, False], ids=["replaced", "rewritten"])
def test_an_edit_during_submission_never_mixes_texts(make_mount, simulator, is_replaced):
    """Either the edit or the submission wins: the locked file holds what was sent."""
    simulator.hold("queued")
    mount = make_mount(simulator, settle=0, options=["submissions_per_hour=1000"])
    folders = []
    for n in range(120):
        folder = mount.path / f"cat-{n}"
        folder.mkdir()
        folders.append(folder)
        for text in range(20):
            try:
                if is_replaced:
                    (folder / ".new").write_text(f"{n} edit {text}")
                    os.rename(folder / ".new", folder / "prompt.txt")
                else:
                    (folder / "prompt.txt").write_text(f"{n} edit {text}")
            except PermissionError:
                break
    for folder in folders:
        wait_state(folder, "queued")
    sent = [task["prompt"] for task in simulator.tasks()]
    assert sorted(sent) == sorted((folder / "prompt.txt").read_text() for folder in folders)


def test_an_impossible_task_id_is_explained(mount, simulator):
    folder = mount.path / "cat"
    folder.mkdir()
    shell('echo "{\\"task_id\\": \\"../../etc/passwd\\"}" > "$1"/request.json', folder)
    wait_state(folder, "invalid")
    assert "task_id" in (folder / "error.txt").read_text()
    (folder / "request.json").write_text('{"task_id": "cgt-1", "provider": "nobody"}')
    wait_for(lambda: "nobody" in (folder / "error.txt").read_text() if (folder / "error.txt").exists() else False)


def test_creates_at_one_service_are_limited(make_mount, simulator):
    """A service that drops connections under load leaves the outcome of creates unknown."""
    simulator.hold("queued")
    simulator.fault("create", {"hang": "after"}, times=32)
    mount = make_mount(simulator, settle=0.1, options=["submissions_per_hour=1000"])
    folders = [mount.folder(f"cat-{n}", f"Cat {n}") for n in range(45)]
    wait_for(lambda: sum("32 requests to ark are in flight" in (field(folder, "waiting") or "") for folder in folders) == 13)
    wait_for(lambda: len(simulator.requests(on="create")) == 32)
    simulator.clear_faults()
    for folder in folders:
        wait_state(folder, "queued")
    assert simulator.creates() == 45


def test_polls_at_one_service_are_limited(make_mount, simulator):
    """The daemon polls all tasks at its start, a limited number at a time."""
    simulator.hold("queued")
    mount = make_mount(simulator, settle=0.1, services=["comet"], options=["submissions_per_hour=1000"])
    folders = [mount.folder(f"cat-{n}", f"Cat {n}") for n in range(45)]
    for folder in folders:
        wait_state(folder, "queued")
    mount.end()
    simulator.fault("get", {"hang": "after"}, times=32)
    seen = len(simulator.requests(on="get"))
    mount.start()
    wait_for(lambda: len(simulator.requests(on="get")) == seen + 32)
    wait_state(mount.folder("dog", "A dog"), "queued")  # an order does not wait for the polls
    assert len(simulator.requests(on="get")) == seen + 32
    simulator.clear_faults()
    ids = {task_id(folder) for folder in folders}
    wait_for(lambda: ids <= {request["path"].rsplit("/", 1)[1] for request in simulator.requests(on="get")[seen:]})


# --- failures while sending: never billed twice ---

def test_429_is_retried_when_the_service_says(mount, simulator):
    simulator.fault("create", {"status": 429, "headers": {"Retry-After": "1"},
                               "body": {"error": {"code": "ServerOverloaded", "message": "busy"}}}, times=2)
    folder = mount.folder()
    wait_for(lambda: "asked for a later retry" in (field(folder, "waiting") or ""))
    assert state(folder) == "pending"
    wait_state(folder, "succeeded")
    assert simulator.creates() == 1


def test_429_for_money_is_not_retried(mount, simulator):
    simulator.fault("create", {"status": 429, "body": {"error": {"code": "QuotaExceeded", "message": "used up"}}})
    folder = mount.folder()
    wait_state(folder, "invalid")
    assert "Add credit" in (folder / "error.txt").read_text()
    settled(mount, simulator, 0)


@pytest.mark.parametrize("action", [{"status": 500, "body": "oops"}, {"status": 503}, {"close": "after"},
                                    {"close": "before"}, {"status": 200, "body": {}},
                                    {"status": 200, "body": {"id": "../../etc"}}, {"status": 200, "body": "<html>"}])
def test_an_ambiguous_answer_is_unknown_and_never_retried(mount, simulator, action):
    simulator.fault("create", action)
    folder = mount.folder()
    wait_state(folder, "unknown")
    accepted = simulator.creates()
    assert "may be billed" in (folder / "error.txt").read_text()
    mount.end()
    mount.start()
    assert state(folder) == "unknown"
    settled(mount, simulator, accepted)
    if accepted:  # the task exists: adopting it costs nothing
        task = simulator.tasks()[0]["id"]
        assert control(folder, f"adopt {task}").returncode == 0
        wait_state(folder, "succeeded")
        assert simulator.creates() == accepted + 1


def test_a_lost_connection_is_retried_only_when_nothing_was_sent(make_mount, simulator, tmp_path):
    mount = make_mount(simulator)
    folder = mount.folder("warm-up")
    wait_state(folder, "succeeded")
    simulator.fault("create", {"close": "after"})
    lost = mount.folder("lost")
    wait_state(lost, "unknown")
    # curl repeats a POST on a kept connection that was closed: exactly one request may arrive
    assert len(simulator.requests(on="create")) == 2


def kill_during_create(mount, simulator, when):
    simulator.fault("create", {"hang": when})
    folder = mount.folder()
    simulator.requests(on="create", after=0, timeout_ms=10000)
    wait_for(lambda: simulator.requests(on="create"))
    assert state(folder) == "submitting"
    mount.kill()
    return folder


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_while_the_request_is_in_flight_leaves_it_unknown(mount, simulator, when):
    folder = kill_during_create(mount, simulator, when)
    simulator.clear_faults()
    mount.start()
    assert state(folder) == "unknown"
    error = (folder / "error.txt").read_text()
    assert "may be billed" in error and "adopt ID" in error
    settled(mount, simulator, 1 if when == "after" else 0)


def test_ending_while_the_request_is_in_flight_waits_for_the_answer(mount, simulator):
    simulator.fault("create", {"delay_ms": 700})
    folder = mount.folder()
    wait_for(lambda: simulator.requests(on="create"))
    mount.end()
    mount.start()
    assert state(folder) != "unknown"
    wait_state(folder, "succeeded")
    assert simulator.creates() == 1


def test_a_prompt_written_right_before_a_kill_is_ordered_once(make_mount, simulator):
    mount = make_mount(simulator, settle=1)
    folder = mount.path / "cat"
    folder.mkdir()
    fd = os.open(folder / "prompt.txt", os.O_WRONLY | os.O_CREAT)
    os.write(fd, b"A cat\n")
    mount.process.send_signal(signal.SIGKILL)
    mount.kill()
    try:
        os.close(fd)
    except OSError:
        pass
    mount.start()
    wait_state(folder, "succeeded")
    settled(mount, simulator, 1)


def test_kills_at_any_time_bill_nothing_twice(make_mount, simulator):
    mount = make_mount(simulator, settle=0.05)
    folders = [mount.folder(f"cat-{i}", f"cat number {i}") for i in range(12)]
    for _ in range(6):
        mount.kill()
        mount.start()
        wait_for(lambda: state(folders[0]))
    for folder in folders:
        wait_state(folder, "succeeded", "unknown")
    texts = [request["body"]["content"][0]["text"] for request in simulator.requests(on="create")]
    assert len(texts) == len(set(texts)), "a prompt was sent twice"
    # an unknown order, too, was sent at most once and says so
    for folder in folders:
        if state(folder) == "unknown":
            assert "may be billed" in (folder / "error.txt").read_text()
    mount.expect_log("poll_failed", "media_failed")


def test_a_moved_pending_folder_is_found_after_a_kill(make_mount, simulator):
    mount = make_mount(simulator, settle=1)
    folder = mount.folder()
    (mount.path / "films").mkdir()
    run("mv", folder, mount.path / "films" / "scene")
    mount.kill()
    mount.start()
    wait_state(mount.path / "films" / "scene", "succeeded")
    settled(mount, simulator, 1)


def test_a_copied_library_orders_nothing_by_itself(make_mount, simulator, tmp_path):
    mount = make_mount(simulator, settle=30)
    folder = mount.folder()
    assert state(folder) == "pending"
    mount.end()
    shutil.move(mount.library, tmp_path / "original")
    run("cp", "-a", tmp_path / "original", mount.library)
    mount.options[0] = "settle=0.2"
    mount.start()
    mount.expect_log("library_copied")
    wait_for(lambda: "copied or restored" in (field(folder, "waiting") or ""))
    settled(mount, simulator, 0)
    assert control(folder, "submit").returncode == 0
    wait_state(folder, "succeeded")


def test_a_copied_library_shows_its_tasks_right_after_mounting(make_mount, simulator, tmp_path):
    mount = make_mount(simulator)
    folder = mount.folder()
    wait_state(folder, "succeeded")
    mount.end()
    for i in range(3000):
        (mount.library / "tree" / f"{i % 50}" / f"{i}").mkdir(parents=True)
    shutil.move(mount.library, tmp_path / "original")
    run("cp", "-a", tmp_path / "original", mount.library)
    mount.start()
    mount.expect_log("library_copied")
    assert state(folder) == "succeeded"
    settled(mount, simulator, 1)


def test_a_folder_duplicated_behind_the_mount_is_an_archive(mount, simulator):
    folder = mount.folder()
    wait_state(folder, "succeeded")
    mount.end()
    run("cp", "-a", mount.library / "tree" / "cat", mount.library / "tree" / "double")
    mount.start()
    assert state(folder) == "succeeded"
    assert os.listdir(mount.path / "double") == ["prompt.txt"]
    run("rm", "-r", mount.path / "double")
    assert state(folder) == "succeeded" and (folder / "video.mp4").read_bytes()
    settled(mount, simulator, 1)


def test_a_folder_restored_without_its_mark_is_no_new_order(mount, simulator):
    """A backup program or a synchroniser restores it behind the running mount."""
    folder, tree = mount.folder(), mount.library / "tree"
    wait_state(folder, "succeeded")
    text = (folder / "prompt.txt").read_text()
    run("cp", "-r", tree / "cat", mount.library / "away")
    shutil.rmtree(tree / "cat")
    os.rename(mount.library / "away", tree / "cat")
    wait_for(lambda: os.listdir(folder) == ["prompt.txt"], "the plain folder")
    (folder / "prompt.txt").write_text(text)
    wait_for(lambda: "submitted from this folder before" in (field(folder, "waiting") or ""), "held")
    assert "cgt-" in field(folder, "waiting")
    settled(mount, simulator, 1)
    (folder / "prompt.txt").write_text("Another cat\n")
    wait_state(folder, "succeeded")
    settled(mount, simulator, 3)  # includes the marker of the first call


def test_a_folder_restored_without_its_mark_is_ordered_by_submit(mount, simulator):
    folder, tree = mount.folder(), mount.library / "tree"
    wait_state(folder, "succeeded")
    text = (folder / "prompt.txt").read_text()
    os.rename(tree / "cat", mount.library / "away")  # removing it would let its inode number be used again
    wait_for(lambda: "cat" not in os.listdir(mount.path), "it is gone")
    folder.mkdir()
    (folder / "prompt.txt").write_text(text)
    wait_for(lambda: "submitted from this folder before" in (field(folder, "waiting") or ""), "held")
    mount.kill()
    mount.start()
    wait_for(lambda: "submitted from this folder before" in (field(folder, "waiting") or ""), "held")
    assert control(folder, "submit").returncode == 0
    wait_state(folder, "succeeded")
    assert simulator.creates() == 2


# --- exchanged folders ---

def exchange(one, other):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@pytest.mark.parametrize("how", ["runs on", "end", "kill"])
def test_two_task_folders_that_are_exchanged_keep_their_tasks(make_mount, simulator, how):
    """One is sent and the other is not: each stays what it is, and the defaults above its new place apply."""
    mount = make_mount(simulator, settle=1)
    for name, seed in (("a", 11), ("b", 22)):
        (mount.path / name).mkdir()
        (mount.path / name / "defaults.json").write_text(json.dumps({"seed": seed}))
    sent = mount.folder("a/cat", "A cat")
    wait_state(sent, "succeeded")
    dog = mount.folder("b/dog", "A dog")
    cat_task = task_id(sent)
    exchange(sent, dog)
    sent, dog = dog, sent
    if how != "runs on":
        mount.end() if how == "end" else mount.kill()
        mount.start()
    wait_state(dog, "succeeded")
    assert state(sent) == "succeeded" and task_id(sent) == cat_task and task_id(dog) != cat_task
    assert (dog / "prompt.txt").read_text() == "A dog\n" and (sent / "prompt.txt").read_text() == "A cat\n"
    with pytest.raises(PermissionError):
        (sent / "prompt.txt").write_text("A fox\n")
    bodies = [request["body"] for request in simulator.requests(on="create")]
    assert [(body["content"][0]["text"], body["seed"]) for body in bodies] == [("A cat", 11), ("A dog", 11)]
    mount.kill()
    mount.start()
    assert task_id(sent) == cat_task and state(dog) == "succeeded"
    settled(mount, simulator, 2)


def test_exchanging_a_pending_task_with_one_in_the_trash_sends_the_latter(make_mount, simulator):
    mount = make_mount(simulator, settle=1)
    (mount.path / ".Trash-0" / "files").mkdir(parents=True)
    one, other = mount.folder("one", "A fox"), mount.folder("other", "A hen")
    thrown = mount.path / ".Trash-0" / "files" / "other"
    os.rename(other, thrown)
    exchange(one, thrown)
    wait_state(one, "succeeded")
    wait_for(lambda: field(thrown, "waiting") == "the folder is in the trash", "told")
    assert (thrown / "prompt.txt").read_text() == "A fox\n"
    settled(mount, simulator, 1)


# --- polling ---

@pytest.mark.parametrize("action", [{"status": 500}, {"status": 429, "headers": {"Retry-After": "1"}},
                                    {"status": 200, "body": "<html>"}, {"close": "before"},
                                    {"status": 404, "body": {"error": {"code": "ResourceNotFound.Task", "message": "?"}}}])
def test_a_failing_poll_is_not_a_failing_task(mount, simulator, action):
    mount.expect_log("poll_failed")
    simulator.hold("running")
    folder = mount.folder()
    wait_state(folder, "running")
    simulator.fault("get", action, times=2)
    wait_for(lambda: "the task continues" in (field(folder, "waiting") or ""))
    assert state(folder) == "running"
    simulator.hold("")
    wait_state(folder, "succeeded")
    assert field(folder, "waiting") is None


def test_an_unrecognised_status_is_shown_and_polling_goes_on(mount, simulator):
    simulator.hold("running")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    simulator.decree(task, raw_status="paused")
    wait_for(lambda: '"paused"' in status(folder))
    simulator.decree(task, raw_status="")
    simulator.hold("")
    wait_state(folder, "succeeded")
    assert "paused" not in status(folder)


def test_a_task_that_the_service_no_longer_knows_is_unknown(mount, simulator):
    mount.expect_log("poll_failed")
    simulator.hold("running")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    simulator.decree(task, gone=True)
    wait_state(folder, "unknown")
    assert control(folder, "cancel").returncode


@pytest.mark.parametrize("ending", ["expired", "cancelled"])
def test_expired_and_cancelled_tasks_show_no_video(mount, simulator, ending):
    simulator.hold("queued")
    folder = mount.folder()
    task = wait_for(lambda: task_id(folder))
    simulator.decree(task, state=ending)
    wait_state(folder, ending)
    settled_folder = folder / "video.mp4"
    assert not settled_folder.exists()
