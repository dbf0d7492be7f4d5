"""Drop: files and folders that real programs write, in any order and at any speed, are one order
each, with the right prompt and pictures; temporary names order nothing.
"""

import json
import os
import shutil
import signal

import pytest

import programs
from desk import ORDERED, big_png, names, url_length
from harness import field, png, state, wait_for, wait_state
from terminal import Terminal

SETTLE = 1  # longer than any program needs between two files on a busy machine
MIB = 1 << 20


def check_each_ordered(desk, pictures):
    """Checks that each folder (by its prompt) became one order with a picture of that length."""
    expected = sorted((prompt, url_length(picture)) for prompt, (_, picture) in pictures.items())
    for folder, _ in pictures.values():
        wait_state(folder, *ORDERED)
    desk.check_sent(*[(prompt, picture) for prompt, (_, picture) in pictures.items()
                      if prompt == desk.texts()[-1]][0])  # the last one, byte for byte
    desk.check_marker([prompt for prompt, _ in expected])
    assert sorted(desk.orders()) == sorted([*expected, ("marker",)])
    assert desk.simulator.creates() == len(expected) + 1


def test_a_folder_with_a_prompt_and_a_picture_is_one_order_by_each_program(desk):
    pictures = {}
    whole, outside = desk.begin("folders")
    whole.mkdir()
    picture = big_png(outside / "big.png", 5 * MIB)
    for number, program in enumerate(programs.FOLDER):
        folder, source = whole / program, outside / program / "shot"
        source.mkdir(parents=True)
        prompt = f"A fox in snow, by {program}"
        (source / "prompt.txt").write_text(prompt + "\n")
        (source / "notes.txt").write_text("mine\n")
        if number % 5:  # most are small, so that the machine's speed does not matter
            (source / "first_frame.png").write_bytes(png(640, 360))
        else:
            shutil.copy(picture, source / "first_frame.png")
        pictures[prompt] = (folder, (source / "first_frame.png").read_bytes())
        desk.shell(programs.FOLDER[program], source, folder)
    check_each_ordered(desk, pictures)
    for prompt, (folder, right) in pictures.items():
        assert names(folder) == ["first_frame.png", "notes.txt", "prompt.txt"]
        assert (folder / "prompt.txt").read_text() == prompt + "\n"
        assert (folder / "first_frame.png").read_bytes() == right


@pytest.mark.parametrize("is_trigger_first", [True, False], ids=["trigger first", "picture first"])
def test_files_in_any_order_are_one_order_by_each_program(desk, is_trigger_first):
    """One file at a time, as slowly as a person: the request names its picture."""
    pictures = {}
    whole, outside = desk.begin("files")
    whole.mkdir()
    for program in programs.FILE:
        folder, source = whole / program, outside / program
        folder.mkdir()
        source.mkdir()
        prompt = f"A fox, by {program}"
        (source / "request.json").write_text(json.dumps({"content": [
            {"type": "text", "text": prompt}, {"type": "image_url", "image_url": {"url": "fox.png"}}]}))
        (source / "fox.png").write_bytes(png(640, 360))
        pictures[prompt] = (folder, png(640, 360))
    order = ["request.json", "fox.png"] if is_trigger_first else ["fox.png", "request.json"]
    for name in order:
        for program in programs.FILE:
            desk.shell(programs.FILE[program], outside / program / name, whole / program / name)
        if name == "request.json" and is_trigger_first:
            for program in programs.FILE:
                wait_for(lambda: "fox.png does not exist yet" in (field(whole / program, "waiting") or ""))
    check_each_ordered(desk, pictures)
    for program in programs.FILE:
        assert names(whole / program) == ["fox.png", "request.json"]


# Several files at once, as in one drop, the trigger first.
TOGETHER = {
    "cp": 'cp "$1"/prompt.txt "$1"/first_frame.png "$2"/',
    "mv": 'mv "$1"/prompt.txt "$1"/first_frame.png "$2"/',
    "rsync": 'rsync -a "$1"/prompt.txt "$1"/first_frame.png "$2"/',
    "gio copy": 'gio copy "$1"/prompt.txt "$1"/first_frame.png "$2"/',
    "kioclient copy": 'kioclient --noninteractive copy "file://$1/prompt.txt" "file://$1/first_frame.png" "file://$2/"',
    "tar": 'tar -c -C "$1" prompt.txt first_frame.png | tar -x -C "$2"',
    "unzip": 'cd "$1" && zip -q all.zip prompt.txt first_frame.png && unzip -q all.zip -d "$2"',
}


def test_files_written_together_are_one_order_by_each_program(desk):
    pictures = {}
    whole, outside = desk.begin("together")
    for program in TOGETHER:
        folder, source = whole / program, outside / program
        folder.mkdir(parents=True)
        source.mkdir()
        (source / "prompt.txt").write_text(f"A fox, by {program}\n")
        (source / "first_frame.png").write_bytes(png(640, 360))
        pictures[f"A fox, by {program}"] = (folder, png(640, 360))
        desk.shell(TOGETHER[program], source, folder)
    check_each_ordered(desk, pictures)


def test_files_from_the_network_are_one_order(desk):
    """curl and wget, slower than the settle time: the trigger is complete long before its picture."""
    import functools
    import http.server
    import threading

    for program, script in {
            "curl": 'cd "$2" && curl -sS "$1"/prompt.txt -O && curl -sS --limit-rate 1M "$1"/first_frame.png -O',
            "wget": 'cd "$2" && wget -q "$1"/prompt.txt && wget -q --limit-rate=1M "$1"/first_frame.png'}.items():
        folder, outside = desk.begin(program)
        folder.mkdir()
        (outside / "prompt.txt").write_text(f"A fox, by {program}\n")
        picture = big_png(outside / "first_frame.png", 3 * MIB).read_bytes()

        class Quiet(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=outside)) as server:
            threading.Thread(target=server.serve_forever).start()
            desk.shell(script, f"http://127.0.0.1:{server.server_port}", folder)
            server.shutdown()
        desk.check_one_order(folder, f"A fox, by {program}", picture)


# --- slower than the settle time, under a temporary name ---

@pytest.mark.parametrize("options", ["", "--inplace", "--partial", "--delay-updates", "--partial-dir=.rsync-partial"])
def test_a_slow_rsync_is_one_order_of_all_its_files(desk, options):
    """rsync goes by the alphabet, so the prompt is complete and quiet while the picture is still arriving."""
    folder, outside = desk.begin("rsync" + options)
    source = outside / "shot"
    source.mkdir()
    (source / "prompt.txt").write_text("A fox\n")
    (source / "defaults.json").write_text('{"model": "doubao-seedance-1-0-lite-i2v-250428"}')
    picture = big_png(source / "reference.png", 3 * MIB).read_bytes()
    desk.shell(f'rsync -a {options} --bwlimit=1000 "$1"/ "$2"', source, folder)
    desk.check_one_order(folder, "A fox", picture)
    assert names(folder) == ["defaults.json", "prompt.txt", "reference.png"]


@pytest.mark.parametrize("name", ["first_frame.png.part", "first_frame.png.crdownload", ".first_frame.png.Ab12Cd",
                                  ".goutputstream-Ab12Cd"])
def test_a_file_arriving_under_a_temporary_name_is_waited_for(desk, name):
    folder, _ = desk.begin("arriving")
    folder.mkdir()
    (folder / "prompt.txt").write_text("A fox\n")
    with open(folder / name, "wb") as file:
        file.write(png(640, 360)[:50])
        file.flush()
        wait_for(lambda: f"{name} is open for writing" in (field(folder, "waiting") or ""))
        file.write(png(640, 360)[50:])
    os.rename(folder / name, folder / "first_frame.png")
    desk.check_one_order(folder, "A fox", png(640, 360))


@pytest.mark.parametrize("name", [".prompt.txt.swp", "#prompt.txt#", "notes~", "4913"])
def test_open_private_files_of_editors_do_not_hold_an_order(desk, name):
    folder, _ = desk.begin("editing")
    folder.mkdir()
    with open(folder / name, "wb") as file:
        file.write(b"mine")
        file.flush()
        (folder / "prompt.txt").write_text("A fox\n")
        desk.check_one_order(folder, "A fox")


def test_a_folder_with_a_temporary_name_orders_nothing_until_it_is_renamed(desk):
    folder, _ = desk.begin("temporary")
    made = [".~tmp~", ".rsync-partial", ".stversions/cat", "cat.part", ".fr-Ab12Cd/cat"]
    for name in made:
        (folder / name).mkdir(parents=True)
        (folder / name / "prompt.txt").write_text(f"A fox in {name}\n")
    for name in made:
        wait_for(lambda: "temporary name" in (field(folder / name, "waiting") or ""))
    desk.check_orders()
    marker = desk.texts()
    for number, name in enumerate(made):
        os.rename(folder / name, folder / f"cat-{number}")
    for number in range(len(made)):
        wait_state(folder / f"cat-{number}", *ORDERED)
    assert sorted(desk.texts()) == sorted(marker + [f"A fox in {name}" for name in made])


def test_submit_orders_from_a_folder_with_a_temporary_name(desk):
    folder, _ = desk.begin("temporary")
    hidden = folder / ".mine"
    hidden.mkdir(parents=True)
    (hidden / "prompt.txt").write_text("A fox\n")
    wait_for(lambda: "temporary name" in (field(hidden, "waiting") or ""))
    (hidden / "status").write_text("submit\n")
    desk.check_one_order(hidden, "A fox")


# --- interrupted ---

CUT_OFF = {
    "curl": 'curl -sS "file://$1"/slow -o "$2"/first_frame.png',
    "cp": 'cp "$1"/slow "$2"/first_frame.png',
    "dd": 'dd if="$1"/slow of="$2"/first_frame.png status=none',
    "shell": 'cat "$1"/slow > "$2"/first_frame.png',
    "rsync --inplace": 'rsync -a --inplace --bwlimit=300 "$1"/first_frame.png "$2"/',
    # The shell of a terminal stays: when a terminal's first process ends, all others end, too, even
    # the receiver that would clean up.
    "rsync --partial": 'rsync -a --partial --bwlimit=300 "$1"/first_frame.png "$2"/; code=$?; '
                       'until [ -e "$2"/first_frame.png ]; do sleep 0.1; done; exit $code',
}


@pytest.mark.parametrize("program", CUT_OFF)
def test_an_interrupted_copy_is_waited_for(desk, program):
    """Ctrl-C closes a file as a normal end does: only its content shows that the picture is incomplete."""
    folder, outside = desk.begin(program)
    folder.mkdir()
    picture = big_png(outside / "first_frame.png", MIB).read_bytes()
    os.mkfifo(outside / "slow")
    (folder / "prompt.txt").write_text("A fox\n")
    with Terminal("bash", "-c", CUT_OFF[program], "bash", outside, folder) as terminal:
        slow = None
        if "/slow" in CUT_OFF[program]:
            slow = open(outside / "slow", "wb", buffering=0)
            slow.write(picture[:65536])
        if program == "rsync --partial":
            wait_for(lambda: [name for name in os.listdir(folder) if name.startswith(".first_frame.png.")
                              and (folder / name).stat().st_size])
        else:
            wait_for(lambda: (folder / "first_frame.png").exists() and (folder / "first_frame.png").stat().st_size)
        terminal.type("\x03")
        assert terminal.wait_end() in (-signal.SIGINT, 130, 20)
        if slow:
            slow.close()
    wait_for((folder / "first_frame.png").exists, "what the receiver leaves")
    assert picture.startswith((folder / "first_frame.png").read_bytes())
    wait_for(lambda: "incomplete" in (field(folder, "waiting") or ""))
    assert state(folder) == "pending"
    desk.check_orders()
    desk.shell('cp "$1" "$2"', outside / "first_frame.png", folder / "first_frame.png")
    wait_state(folder, *ORDERED)
    desk.check_sent("A fox", picture)
    desk.check_orders(desk.texts()[0], "A fox")
