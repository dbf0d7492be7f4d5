"""Move, copy, remove: task folders in every state, by the programs that people do it with."""

import os
import shutil
import subprocess

import pytest

import programs
from desk import ORDERED
from harness import control, make_media, run, state, status, task_id, wait_for, wait_state

SETTLE = 2  # longer than any copier takes from one file to the next, on a busy machine
# The last ones stay with the service until they are released.
STATES = ["succeeded", "pending", "invalid", "unknown", "failed", "cancelled", "queued", "running"]


def folder_in(desk, phase, folder, prompt="A fox"):
    """A folder whose task is in that state."""
    folder.mkdir(parents=True)
    if phase == "pending":
        (folder / "hold").touch()
    desk.simulator.hold("" if phase == "succeeded" else "queued")
    if phase == "unknown":
        desk.simulator.fault("create", {"close": "after"})
    text = prompt if phase != "invalid" else prompt + " --dur 99"
    (folder / "prompt.txt").write_text(text + "\n")
    if phase != "pending":
        control(folder, "submit")
    if phase in ("failed", "cancelled", "running"):
        decree = {"state": phase}
        if phase == "running":
            decree["hold"] = phase
        if phase == "failed":
            decree["error"] = {"code": "InternalServiceError", "message": "no luck"}
        desk.simulator.decree(wait_for(lambda: task_id(folder)), **decree)
    wait_state(folder, phase)
    desk.simulator.clear_faults()
    return folder


def one_in_each_state(desk, folder):
    return {phase: folder_in(desk, phase, folder / phase, f"A fox that is {phase}, {desk.count}") for phase in STATES}


def state_of(desk, phase):
    """What the service says of this scenario's task."""
    return {task["prompt"]: task["state"] for task in desk.simulator.tasks()}[f"A fox that is {phase}, {desk.count}"]


def check_no_more(desk, before):
    """Nothing was ordered by what was done since, and nothing will be."""
    desk.simulator.hold("queued")
    desk.count += 1
    marker = desk.mount.folder(f"marker-{desk.count}", f"marker {desk.count}")
    wait_state(marker, *ORDERED)
    texts = desk.texts()
    assert texts == before + [f"marker {desk.count}"], texts


# --- moving ---

MOVERS = {
    "mv": 'mv "$1" "$2"',
    "gio move": 'gio move "$1" "$2"',
    "gio rename": 'gio rename "$1" "$(basename "$2")" && [ "$(dirname "$1")" = "$(dirname "$2")" ]',
    "kioclient move": 'kioclient --noninteractive move "file://$1" "file://$2"',
    "python": 'python3 -c "import shutil, sys; shutil.move(sys.argv[1], sys.argv[2])" "$1" "$2"',
}


@pytest.mark.parametrize("mover", MOVERS)
def test_moving_within_the_mount_and_back_disturbs_nothing(desk, mover):
    """And back again: a file manager's undo."""
    folder, _ = desk.begin(mover)
    folders = one_in_each_state(desk, folder)
    before = desk.texts()
    tasks = {phase: task_id(path) for phase, path in folders.items()}
    elsewhere = folder if mover == "gio rename" else folder / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    for phase, path in folders.items():
        moved = elsewhere / f"{phase} 2"
        desk.shell(MOVERS[mover], path, moved)
        assert not path.exists() and state(moved) == phase and task_id(moved) == tasks[phase], status(moved)
        desk.shell(MOVERS[mover], moved, path)
        assert state(path) == phase and task_id(path) == tasks[phase]
        assert (path / "prompt.txt").read_text().startswith(f"A fox that is {phase}")
    check_no_more(desk, before)
    desk.simulator.decree(tasks["running"], state="failed")
    wait_state(folders["running"], "failed")  # it is still followed
    (folders["pending"] / "hold").unlink()
    wait_state(folders["pending"], *ORDERED)


@pytest.mark.parametrize("mover", ["mv", "kioclient move", "python"])
def test_moving_out_of_the_mount_takes_all_along(desk, mover):
    """What was a running task is no task any more: it goes as a removed one does. Back in the mount it is an archive."""
    folder, outside = desk.begin(mover)
    folders = one_in_each_state(desk, folder)
    before = desk.texts()
    video = (folders["succeeded"] / "video.mp4").read_bytes()
    for phase, path in folders.items():
        desk.shell(MOVERS[mover], path, outside / phase)
        assert not path.exists()
        assert (outside / phase / "status").read_text().startswith(phase + "\n")
        assert (outside / phase / "prompt.txt").read_text().startswith(f"A fox that is {phase}")
    assert (outside / "succeeded" / "video.mp4").read_bytes() == video
    wait_for(lambda: state_of(desk, "queued") == "cancelled", "it is cancelled")
    for phase in STATES:
        desk.shell(MOVERS[mover], outside / phase, folder / f"{phase} back", check=False)
    check_no_more(desk, before)
    assert (folder / "succeeded back" / "video.mp4").read_bytes() == video


# --- copying: never an order ---

# "$1" is a folder that exists, "$2" may exist; what is copied comes to lie in it.
COPIERS = {
    "cp -r": 'mkdir -p "$2" && cp -r "$1"/. "$2"',
    "cp -a": 'mkdir -p "$2" && cp -a "$1"/. "$2"',
    "rsync -a": 'rsync -a "$1"/ "$2"',
    "rsync -aX": 'rsync -aX "$1"/ "$2"',
    "rsync --inplace": 'rsync -a --inplace "$1"/ "$2"',
    "rsync --delay-updates": 'rsync -a --delay-updates "$1"/ "$2"',
    "tar": 'mkdir -p "$2" && tar -c -C "$1" . | tar -x -C "$2"',
    "unzip -o": 'rm -f "$2.zip"; (cd "$1" && zip -qr - .) > "$2.zip" && unzip -qo "$2.zip" -d "$2" && rm "$2.zip"',
    "gio copy": 'mkdir -p "$2" && gio copy "$1"/* "$2"/',
    "kioclient copy": 'mkdir -p "$2" && cd "$1" && for name in *; do '
                      'kioclient --noninteractive --overwrite copy "file://$1/$name" "file://$2/$name"; done',
    "python": 'python3 -c "import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[2], dirs_exist_ok=True)" "$1" "$2"',
}
# The folder itself, to a name that is new.
WHOLE = {
    "cp -r": 'cp -r "$1" "$2"',
    "cp -a": 'cp -a "$1" "$2"',
    "cp -al": 'cp -al "$1" "$2"',
    "kioclient copy": 'kioclient --noninteractive copy "file://$1" "file://$2"',
}
# A copier of single files, so that the order is given.
BY_FILE = {
    "cp": 'cp "$1" "$2"',
    "cp -a": 'cp -a "$1" "$2"',
    "rsync": 'rsync -a "$1" "$(dirname "$2")"/',
    "rsync --inplace": 'rsync -a --inplace "$1" "$2"',
    "tar": 'tar -c -C "$(dirname "$1")" "$(basename "$1")" | tar -x -C "$(dirname "$2")"',
    "unzip -o": 'zip -qj "$1.zip" "$1" && unzip -qo "$1.zip" -d "$(dirname "$2")" && rm "$1.zip"',
    "gio copy": 'gio copy "$1" "$2"',
    "kioclient copy": 'kioclient --noninteractive --overwrite copy "file://$1" "file://$2"',
    "python": 'python3 -c "import shutil, sys; shutil.copy2(sys.argv[1], sys.argv[2])" "$1" "$2"',
}


def backup(desk, folder, outside, prompt):
    """A finished task, and an ordinary folder outside that was copied from it."""
    folder_in(desk, "succeeded", folder, prompt)
    shutil.copytree(folder, outside / "backup")
    return outside / "backup"


@pytest.mark.parametrize("copier", COPIERS)
def test_a_copied_folder_is_no_order(desk, copier):
    """From the mount and from a backup, onto a new folder and one that is there, in every state of the source."""
    folder, outside = desk.begin(copier)
    saved = backup(desk, folder / "finished", outside, "A fox that was saved")
    folders = one_in_each_state(desk, folder / "originals")
    before = desk.texts()
    video = (saved / "video.mp4").read_bytes()
    for phase, path in folders.items():
        if phase != "pending":
            # task.json of a task that is polled may be another between a look at it and opening it: cp says so
            desk.shell(COPIERS[copier], path, folder / f"copy of {phase}", check=phase not in ("queued", "running"))
            desk.shell(COPIERS[copier], path, folder / f"copy of {phase}", check=False)  # once more, onto it
    (folder / "existing").mkdir()
    (folder / "existing" / "notes.txt").write_text("mine\n")
    for target in ("existing", "new"):
        desk.shell(COPIERS[copier], saved, folder / target, check=False)
    check_no_more(desk, before)
    for target in ("existing", "new", "copy of succeeded"):
        assert (folder / target / "video.mp4").read_bytes() == video or target == "copy of succeeded"
        assert (folder / target / "status").read_text().startswith("succeeded\n")
    assert (folder / "existing" / "notes.txt").read_text() == "mine\n"


@pytest.mark.parametrize("copier", WHOLE)
def test_a_folder_copied_whole_is_no_order(desk, copier):
    folder, outside = desk.begin(copier)
    saved = backup(desk, folder / "finished", outside, "A fox that was saved")
    folders = one_in_each_state(desk, folder / "originals")
    before = desk.texts()
    for phase, path in folders.items():
        if phase != "pending":
            desk.shell(WHOLE[copier], path, folder / f"copy of {phase}",
                       check=copier != "cp -al" and phase not in ("queued", "running"))
    desk.shell(WHOLE[copier], saved, folder / "restored", check=False)
    check_no_more(desk, before)
    for phase, path in folders.items():
        assert (path / "prompt.txt").read_text().startswith(f"A fox that is {phase}")


@pytest.mark.parametrize("pause", [False, True], ids=["fast", "slow"])
@pytest.mark.parametrize("is_trigger_first", [True, False], ids=["trigger first", "marks first"])
def test_files_of_a_copied_folder_in_any_order_are_no_order(make_mount, simulator, tmp_path, is_trigger_first, pause):
    """The trigger before and after the marks, onto a new folder and onto one with an order in it; so slowly
    that task.json shows itself in between."""
    mount = make_mount(simulator, settle=60)
    source = tmp_path / "source"
    source.mkdir()
    texts = {"prompt.txt": "A fox\n", "task.json": "{}", "status": "succeeded\nprovider: ark\n"}
    for name, text in texts.items():
        (source / name).write_text(text)
    home = tmp_path / "home"
    targets = {}
    for copier in BY_FILE:
        for kind in ("ordered", "new"):
            targets[mount.path / f"{copier} {kind}"] = copier
    for target in targets:
        target.mkdir()
        if target.name.endswith("ordered"):
            (target / "prompt.txt").write_text("A wolf\n")
    for name in ["prompt.txt", "task.json", "status"] if is_trigger_first else ["task.json", "status", "prompt.txt"]:
        if pause:  # it is quiet long enough for all that shows itself: an event that only a look tells
            wait_for(lambda: all((target / "task.json").exists() for target in targets if (target / "status").exists()))
        for target, copier in targets.items():
            programs.shell(BY_FILE[copier], source / name, target / name, home=home)
            assert (target / name).read_text() == texts[name], (target, name)
    for target in targets:
        assert sorted(os.listdir(target)) == sorted(texts)
    mount.end()
    mount.options[0] = "settle=0.1"
    mount.start()  # all that is pending settles anew
    wait_state(mount.folder("marker", "marker"), "succeeded")
    assert [request["body"]["content"][0]["text"] for request in simulator.requests(on="create")] == ["marker"]
    assert all((target / "status").read_text() == texts["status"] for target in targets)


# --- trash and removing ---

def test_trash_and_restore(desk):
    """gio's: into the mount's own trash, where nothing is ordered, and back as it was."""
    folder, _ = desk.begin("trash")
    folders = one_in_each_state(desk, folder)
    before = desk.texts()
    ids = {phase: task_id(path) for phase, path in folders.items()}
    script = '''
        for path in "$@"; do gio trash "$path" || exit 1; done
        for try in $(seq 100); do [ "$(gio trash --list | wc -l)" -ge $# ] && break; sleep 0.1; done
        gio trash --list
        gio trash --list | cut -f1 | while read -r uri; do gio trash --restore "$uri" || exit 1; done
    '''
    (folders["pending"] / "hold").unlink()  # it would go out if it were not thrown away at once
    (folders["pending"] / "hold").touch()
    done = desk.in_session(script, *folders.values(), check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert done.stdout.count("trash:") == len(folders), (done.stdout, done.stderr)
    for phase, path in folders.items():
        assert state(path) == phase and task_id(path) == ids[phase], status(path)
    check_no_more(desk, before)


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
    folders = one_in_each_state(desk, folder)
    before = desk.texts()
    opened = [open(path / "prompt.txt") for path in folders.values()]
    media = desk.mount.library / "media"
    had = set(os.listdir(media))
    with open(folders["succeeded"] / "video.mp4", "rb") as player:
        assert len(player.read(100)) == 100
        for phase, path in folders.items():
            desk.shell(REMOVERS[remover], path)
            assert not path.exists(), phase
        for file in opened:
            assert file.read().startswith("A fox that is")
            file.close()
    assert os.listdir(folder) == []
    wait_for(lambda: state_of(desk, "queued") == "cancelled", "it is cancelled")
    check_no_more(desk, before)
    wait_for(lambda: not (set(os.listdir(media)) & had) or len(os.listdir(media)) <= len(had), "the media go")


# --- while it is being played ---

def test_renaming_while_streaming(desk):
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
    check_no_more(desk, before)


@pytest.mark.parametrize("remover", ["rm -r", "kioclient remove"])
def test_removing_while_a_player_reads(desk, remover):
    """It reads on, or gets an error, and never wrong bytes; after it closed nothing of it is left."""
    folder, outside = desk.begin("playing")
    video = make_media(outside / "video", 3_000_000)
    desk.mount.finished(desk.simulator, folder.name, video=video)
    right = video.read_bytes()
    media = desk.mount.library / "media"
    others = {path for path in media.rglob("*") if path.is_file()}
    with open(folder / "video.mp4", "rb", buffering=0) as player:
        got = player.read(50_000)
        mine = {path for path in media.rglob("*") if path.is_file()} - others
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
