"""Orders: what is an order, and what is not."""

import json
import os
import pathlib

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
