"""Copy: a copied task folder is never an order, in any state and at any place."""

import os
import re
import shutil

import pytest

import programs
from harness import field, state, wait_for, wait_state
from states import STATES, UNDER_WAY, UNSENT, Folders

SETTLE = 2  # longer than any copier needs between two files on a busy machine

# Copies the contents of "$1", a folder, into "$2", which may exist.
COPIERS = {
    "cp -r": 'mkdir -p "$2" && cp -r "$1"/. "$2"',
    "cp -a": 'mkdir -p "$2" && cp -a "$1"/. "$2"',
    "rsync -a": 'rsync -a "$1"/ "$2"',
    "rsync -aX": 'rsync -aX "$1"/ "$2"',
    "rsync --inplace": 'rsync -a --inplace "$1"/ "$2"',
    "rsync --delay-updates": 'rsync -a --delay-updates "$1"/ "$2"',
    "tar": 'mkdir -p "$2" && tar -c -C "$1" . | tar -x -C "$2"',
    "unzip -o": 'rm -f "$2.zip"; (cd "$1" && zip -qry - .) > "$2.zip" && unzip -qo "$2.zip" -d "$2" && rm "$2.zip"',
    "gio copy": 'mkdir -p "$2" && gio copy -P "$1"/* "$2"/',
    "kioclient copy": 'mkdir -p "$2" && files=() && for file in "$1"/*; do files+=("file://$file"); done && '
                      'kioclient --noninteractive --overwrite copy "${files[@]}" "file://$2/"',
    "python": 'python3 -c "import shutil, sys; '
              'shutil.copytree(sys.argv[1], sys.argv[2], symlinks=True, dirs_exist_ok=True)" "$1" "$2"',
}
# Copies the folder itself to a new name.
WHOLE = {
    "cp -r": 'cp -r "$1" "$2"',
    "cp -a": 'cp -a "$1" "$2"',
    "kioclient copy": 'kioclient --noninteractive --overwrite copy "file://$1" "file://$2"',
}
# Programs that start slowly, and repetitions of other ways: only for states that show different
# files.
BRIEF = ("rsync -aX", "rsync --delay-updates", "kioclient copy", "python")
DIFFERENT = ("held", "waiting", "limited", "succeeded", "invalid", "queued", "submitting")
CP = [script for copiers in (COPIERS, WHOLE) for name, script in copiers.items() if name.startswith("cp")]
# Copiers of single files, so that the test decides the order.
BY_FILE = {name: programs.FILE[name] for name in (
    "cp", "cp -a", "rsync -a", "rsync --inplace", "tar", "unzip", "gio copy", "kioclient copy --overwrite", "python")}


def copy(desk, script, source, target):
    """Copies, and checks that the copier reports no error. cp checks a file twice: task.json may
    have a new version by then while the daemon polls; cp says so and leaves the file out."""
    done = desk.shell(script, source, target, check=False)
    lines = done.stderr.splitlines()
    if state(source) in UNDER_WAY and script in CP:
        lines = [line for line in lines if not re.search("task.json', as it was replaced while being copied$", line)]
        done.returncode = 0 if done.returncode == 1 else done.returncode
    assert (done.returncode, lines) == (0, []), done


@pytest.mark.parametrize("copier", COPIERS)
def test_a_copied_folder_is_no_order(desk, copier):
    """For every state of the source: within the mount to a new folder and again onto it; out of the
    mount; and back onto a new folder, a plain one, and one with an unsent order of its own."""
    folder, outside = desk.begin(copier)
    folders = Folders(desk, folder / "originals", DIFFERENT if copier in BRIEF else STATES)
    before = desk.texts()
    for phase, path in folders.items():
        targets = {kind: folder / f"{kind} {phase}" for kind in ("copy of", "new", "plain", "pending")}
        for kind in ("plain", "pending"):
            targets[kind].mkdir()
            (targets[kind] / "notes.txt").write_text("mine\n")
        (targets["pending"] / "hold").touch()
        (targets["pending"] / "prompt.txt").write_text("A wolf\n")
        for _ in range(2 if phase in ("held", "succeeded", "queued") else 1):
            copy(desk, COPIERS[copier], path, targets["copy of"])
        copy(desk, COPIERS[copier], path, outside / phase)
        for kind in ("new", "plain", "pending"):
            copy(desk, COPIERS[copier], outside / phase, targets[kind])
        for target in targets.values():
            folders.check_copied(phase, target)
            (target / "hold").unlink(missing_ok=True)
    settling = desk.mount.folder(folder / "settling", "A fox that settles")
    copy(desk, COPIERS[copier], settling, folder / "copy of settling")
    copy(desk, COPIERS[copier], settling, outside / "settling")
    copy(desk, COPIERS[copier], outside / "settling", folder / "new settling")
    folders.check_all_the_same()
    folders.check_each_goes_on(before, "A fox that settles")
    assert all((path / "notes.txt").read_text() == "mine\n" for path in folder.glob("p[le]*"))


@pytest.mark.parametrize("copier", WHOLE)
def test_a_folder_copied_as_one_argument_is_no_order(desk, copier):
    folder, outside = desk.begin(copier)
    folders = Folders(desk, folder / "originals")
    before = desk.texts()
    for phase, path in folders.items():
        copied, restored = folder / f"copy of {phase}", folder / f"new {phase}"
        copy(desk, WHOLE[copier], path, copied)
        folders.check_copied(phase, copied)
        shutil.copytree(path, outside / phase, symlinks=True)
        done = desk.shell(WHOLE[copier], outside / phase, restored, check=False)
        if "/status': File exists" in done.stderr:  # the prompt came first, in a folder that cp itself created
            assert done.returncode == 1
            wait_for(lambda: (field(restored, "waiting") or "").startswith("this folder is a copy"))
        else:
            assert done.returncode == 0, done
            folders.check_copied(phase, restored)
    folders.check_all_the_same()
    folders.check_each_goes_on(before)


def test_a_folder_of_hard_links_is_no_order(desk):
    """cp -al: virtual files cannot be linked, and an order whose prompt has two links waits until
    it has one."""
    folder, _ = desk.begin("links")
    folders = Folders(desk, folder / "originals")
    before = desk.texts()
    for phase, path in folders.items():
        refused = desk.shell('cp -al "$1" "$2"', path, folder / phase, check=False)
        assert refused.returncode == 1 and "status': Operation not permitted" in refused.stderr
        assert (folder / phase / "prompt.txt").samefile(path / "prompt.txt")
    desk.check_marker(before)
    before = desk.texts()
    folders.check_all_the_same()
    for phase in UNSENT:
        shutil.rmtree(folder / phase)
    folders.check_each_goes_on(before)


@pytest.mark.parametrize("pause", [False, True], ids=["fast", "slow"])
@pytest.mark.parametrize("is_trigger_first", [True, False], ids=["trigger first", "marks first"])
def test_files_of_a_copied_folder_in_any_order_are_no_order(make_mount, simulator, tmp_path, is_trigger_first, pause):
    """The trigger comes before or after the other files, in a new folder and in one with an order,
    and so slowly that task.json appears in between."""
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
        if pause:  # quiet for long enough that task.json appears: only polling shows it
            wait_for(lambda: all((target / "task.json").exists() for target in targets if (target / "status").exists()))
        for target, copier in targets.items():
            programs.shell(BY_FILE[copier], source / name, target / name, home=home)
            assert (target / name).read_text() == texts[name], (target, name)
    for target in targets:
        assert sorted(os.listdir(target)) == sorted(texts)
    mount.end()
    mount.options[0] = "settle=0.1"
    mount.start()  # all that is pending settles again
    wait_state(mount.folder("marker", "marker"), "succeeded")
    assert [request["body"]["content"][0]["text"] for request in simulator.requests(on="create")] == ["marker"]
    assert all((target / "status").read_text() == texts["status"] for target in targets)
