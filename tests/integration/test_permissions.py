"""Modes, umasks and owners. With allow_other, others read what the modes allow, and spend nothing."""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

import pytest

from harness import BUILD, DAEMON, PATIENCE, Mount, field, is_root, png, run, settled, state, wait_for, wait_state

OWNER, OTHER = 65534, 54321  # nobody, who has a name (fusermount3 needs one), and a user without a name
OTHERS = pytest.mark.becomes_others


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


# --- modes and umasks ---

def test_the_umask_is_that_of_the_creator(mount):
    for mask, file_mode, folder_mode in ((0o022, 0o644, 0o755), (0o077, 0o600, 0o700), (0o002, 0o664, 0o775)):
        base = mount.path / f"{mask:o}"
        run("sh", "-c", f"umask {mask:o}; mkdir '{base}'; echo x > '{base}/file'; mkfifo '{base}/pipe'")
        assert mode(base) == folder_mode
        assert mode(base / "file") == mode(base / "pipe") == file_mode
        assert mode(mount.library / "tree" / base.name / "file") == file_mode


def test_a_default_access_list_replaces_the_umask(mount):
    base = mount.path / "shared"
    base.mkdir()
    run("setfacl", "-d", "-m", "u::rwx,g::rwx,o::---", base)
    run("sh", "-c", f"umask 077; echo x > '{base}/file'; mkdir '{base}/folder'")
    assert mode(base / "file") == 0o660
    assert mode(base / "folder") == 0o770


def test_a_task_folder_keeps_its_mode_and_task_json_is_private(mount, simulator):
    private = mount.folder("private")
    private.chmod(0o700)
    public = mount.folder("public")
    for folder in (private, public):
        wait_state(folder, "succeeded")
        assert mode(folder / "task.json") == 0o600
        assert mode(folder / "status") == mode(folder / "video.mp4") == 0o644
    assert mode(private) == 0o700 and mode(public) == 0o755
    private.chmod(0o750)
    assert mode(private) == 0o750
    assert all(path.lstat().st_uid == os.geteuid() for path in private.iterdir())


def test_modes_apply_to_the_owner(mount):
    if is_root():
        command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    else:
        command = []
    file = mount.path / "file"
    file.write_text("x")
    file.chmod(0o400)
    assert run(*command, "sh", "-c", f"echo y > '{file}'", check=False).returncode
    assert file.read_text() == "x"


# --- nothing outside the mount is read ---

@pytest.mark.parametrize("request_of", [
    lambda secret: {"first": os.fspath(secret)}, lambda secret: {"first": "../" * 30 + os.fspath(secret)[1:]},
    lambda secret: {"link": os.fspath(secret)}, lambda secret: {"link": "../../" * 15 + os.fspath(secret)[1:]},
    lambda secret: {"defaults": os.fspath(secret)}, lambda secret: {"trigger": os.fspath(secret)}],
    ids=["a path", "dots", "a link", "a link of dots", "defaults", "a trigger"])
def test_no_path_leads_out_of_the_mount(mount, simulator, tmp_path, request_of):
    secret = tmp_path / "secret.png"
    secret.write_bytes(png(3, 3))
    what = request_of(secret)
    if "defaults" in what or "trigger" in what:
        secret = tmp_path / "secret.json"
        secret.write_text('{"prompt": "TOPSECRET", "seed": 4711}')
        what = {key: os.fspath(secret) for key in what}
    folder = mount.path / "cat"
    folder.mkdir()
    if "link" in what:
        os.symlink(what["link"], folder / "first_frame.png")
    if "defaults" in what:
        os.symlink(what["defaults"], mount.path / "defaults.json")
    if "trigger" in what:
        os.symlink(what["trigger"], folder / "request.json")
        (folder / "prompt.txt").write_text("A fox")
    else:
        body = {"prompt": "A fox"}
        if "first" in what:
            body["content"] = [{"type": "text", "text": body.pop("prompt")},
                               {"type": "image_url", "image_url": {"url": what["first"]}}]
        with contextlib.suppress(OSError):  # errors in the content itself are reported at the close
            (folder / "request.json").write_text(json.dumps(body))
    wait_for(lambda: state(folder) == "invalid" or "waiting" in status_keys(folder), "refused, or held")
    wait_for(lambda: "settling" not in (field(folder, "waiting") or ""), "settled")
    assert simulator.creates() == 0
    assert state(folder) in ("invalid", "pending")
    for path in (folder / "status", folder / "task.json"):
        assert "TOPSECRET" not in path.read_text()


def status_keys(folder):
    return [line.split(":")[0] for line in (folder / "status").read_text().splitlines()[1:]]


def test_a_picture_that_is_replaced_by_a_link_at_any_moment(mount, simulator, tmp_path):
    """At whatever moment a link replaces the name, the secret is never sent."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(png(301, 303))
    good = png(300, 300)
    pictures = mount.path / "pictures"
    pictures.mkdir()
    (pictures / "good").write_bytes(good)
    os.symlink(secret, pictures / "link")
    swapper = subprocess.Popen([sys.executable, "-c", """
import os, sys
os.chdir(sys.argv[1])
while True:
    for name in ("good", "link"):
        try:
            os.link(name, "next", follow_symlinks=False)
            os.rename("next", "now.png")
        except FileExistsError:
            os.unlink("next")
""", pictures])
    try:
        wait_for(lambda: (pictures / "now.png").is_symlink() or (pictures / "now.png").exists(), "swapping")
        folders = [mount.path / f"shot{n}" for n in range(12)]
        for folder in folders:
            folder.mkdir()
            os.symlink("../pictures/now.png", folder / "first_frame.png")
            (folder / "prompt.txt").write_text("A fox")
        for folder in folders:
            wait_for(lambda: state(folder) in ("invalid", "succeeded", "failed")
                     or "settling" not in (field(folder, "waiting") or "settling"), "decided")
    finally:
        swapper.kill()
        swapper.wait(PATIENCE)
    wrong = hashlib.sha256(secret.read_bytes()).hexdigest()
    for folder in folders:
        assert wrong not in (folder / "task.json").read_text()


# --- the option allow_other ---

def conf_of(tmp_path, text):
    conf = tmp_path / "fuse.conf"
    conf.write_text(text)
    return conf


def under(conf, uid, *command):
    """Runs a command as an ordinary user with another /etc/fuse.conf."""
    return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/fuse.conf && exec "$@"', conf,
            "setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--", "env", "HOME=/nonexistent", *command]


def staged(directory):
    """Copies the programs to a place that an ordinary user can reach."""
    place = directory / "bin"
    place.mkdir(mode=0o755)
    for name in ("seedancefs", "seedance-sim"):
        shutil.copy(BUILD / name, place)
    shutil.copytree(BUILD / "share", place / "share")
    return place / DAEMON.name


@pytest.fixture
def tmp_path():
    """Is not below pytest's own directory, whose root each session closes to other users."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        yield pathlib.Path(directory)


def open_up(directory):
    """Lets other users pass through."""
    for path in (directory, *directory.parents):
        if path.stat().st_uid == os.geteuid() and path != pathlib.Path("/"):
            path.chmod(mode(path) | 0o011)
        if path.parent == pathlib.Path("/tmp"):
            return


@OTHERS
@pytest.mark.parametrize("option", ["allow_other", "allow_root"])
def test_an_ordinary_user_needs_user_allow_other(tmp_path, option):
    open_up(tmp_path)
    home = tmp_path / "home"
    (home / "mount").mkdir(parents=True)
    os.chown(home, OWNER, OWNER)
    os.chown(home / "mount", OWNER, OWNER)
    refused = run(*under(conf_of(tmp_path, "#user_allow_other\n"), OWNER, staged(tmp_path), home / "library",
                         home / "mount", "-o", f"settle=1,{option}", "-f"), check=False)
    assert refused.returncode == 1
    assert refused.stderr == (f"seedancefs: -o {option}: /etc/fuse.conf does not allow it for ordinary users; ask root "
                              f"to add the line user_allow_other to that file, or mount without {option}\n")


# --- other users ---

class UsersMount(Mount):
    """The mount of an ordinary user in a mount namespace whose /etc/fuse.conf has user_allow_other."""

    def __init__(self, directory, simulator):
        super().__init__(directory, simulator, options=("allow_other",))
        self.daemon, self.conf = staged(directory), conf_of(directory, "user_allow_other\n")
        self.real = self.path
        for path in (directory, *directory.iterdir()):
            os.chown(path, OWNER, OWNER)

    def command(self, *extra):
        return under(self.conf, OWNER, self.daemon, self.library, self.real, "-o", ",".join(self.options), *extra)

    def start(self):
        super().start()
        self.path = pathlib.Path(f"/proc/{self.pid}/root{self.real}")
        return self

    def enter(self):
        return ["nsenter", f"--mount=/proc/{self.pid}/ns/mnt"]


class Shared:
    """A mount with allow_other, used by its owner, by root and by another user."""

    def __init__(self, mount, owner):
        self.mount, self.owner = mount, owner
        self.path = mount.path
        self.real = getattr(mount, "real", mount.path)
        self.enter = mount.enter() if hasattr(mount, "enter") else []

    def at(self, uid, script, *names):
        """Runs a shell script with arguments in the mount's root."""
        return run(*self.enter, "setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", "--", "sh", "-c",
                   f'cd "$0" && {script}', self.real, *names, check=False)

    def own(self, script, *names):
        result = self.at(self.owner, script, *names)
        assert not result.returncode, result.stderr
        return result.stdout

    def folder(self, name="cat", prompt="A kitten"):
        self.own('mkdir -p "$1" && echo "$2" > "$1/prompt.txt"', name, prompt)
        return self.path / name

    def refused(self, script, *names, says="Permission denied"):
        result = self.at(OTHER, script, *names)
        assert result.returncode and says in result.stderr, (script, result)


@pytest.fixture(params=["root's daemon", "a user's daemon"])
def shared(request, tmp_path, make_mount, simulator):
    open_up(tmp_path)
    if request.param == "root's daemon":
        yield Shared(make_mount(simulator, options=("allow_other",)), 0)
        return
    directory = tmp_path / "user"
    directory.mkdir()
    mount = UsersMount(directory, simulator).start()
    yield Shared(mount, OWNER)
    mount.end()
    mount.check_log()


@OTHERS
def test_others_read_what_the_modes_allow(shared, simulator):
    folder = shared.folder()
    wait_state(folder, "succeeded")
    assert shared.at(OTHER, "head -n1 cat/status").stdout == "succeeded\n"
    assert shared.at(OTHER, "cat cat/prompt.txt").stdout == "A kitten\n"
    assert shared.at(OTHER, "wc -c < cat/video.mp4").stdout.strip() == str((folder / "video.mp4").stat().st_size)
    shared.refused("cat cat/task.json")
    told = shared.at(OTHER, "getfattr -d cat").stdout
    assert 'state="succeeded"' in told and "prompt" not in told
    assert "A kitten" in shared.own("getfattr -d cat")
    assert "A kitten" in shared.at(0, "getfattr -d cat").stdout
    shared.own("chmod 700 cat")
    shared.refused("cat cat/status")
    shared.refused("cat cat/video.mp4")


@OTHERS
def test_others_cannot_order(shared, simulator):
    """This holds even in folders that everybody may write to."""
    folder = shared.folder()
    wait_state(folder, "succeeded")
    failed = shared.folder("failed")
    wait_state(failed, "succeeded")
    shared.own("mkdir open open/sub && chmod 777 . open open/sub cat failed && chmod 666 cat/prompt.txt")
    for trigger in ("prompt.txt", "prompt.md", "prompt", "request.json", "defaults.json"):
        shared.refused('echo "A dog" > open/"$1"', trigger)
        shared.refused('ln -s x open/"$1"', trigger)
        shared.own('echo "A dog" > open/plain && chmod 666 open/plain')
        shared.refused('mv open/plain open/"$1"', trigger)
        shared.refused('ln open/plain open/"$1"', trigger)
        shared.own("rm -f open/plain")
    for word in ("submit", "retry", "cancel", "fetch", "adopt cgt-1"):
        shared.refused('echo "$1" > cat/status', word)
    shared.refused("echo more >> cat/prompt.txt")
    shared.refused("truncate -s 1 cat/prompt.txt")
    shared.refused("rm -f cat/video.mp4")
    shared.refused("rm -f cat/status")
    shared.refused("rm -f cat/prompt.txt")
    shared.refused("touch cat/hold")
    shared.refused("mkdir cat/new")
    shared.refused("mv cat open/cat")
    shared.refused("mv -T cat moved")
    shared.refused("mv cat/prompt.txt open/plain")
    shared.refused("ln cat/prompt.txt open/second")
    assert state(folder) == "succeeded" and (folder / "video.mp4").exists()
    settled(shared, simulator, 2)


@OTHERS
def test_others_neither_change_nor_release_a_waiting_order(shared, simulator):
    """The folder is writable for all, and the order waits for something that others could provide."""
    shared.own("mkdir film film/cat && chmod 777 film film/cat")
    shared.own("touch film/cat/hold && echo 'A kitten' > film/cat/prompt.txt && chmod 666 film/cat/prompt.txt")
    folder = shared.path / "film" / "cat"
    shared.refused("rm -f film/cat/hold")
    shared.refused("mv film/cat/hold film/gone")
    shared.refused("echo 'A costly dog' > film/cat/prompt.txt")
    shared.refused("echo '{\"duration\": 12}' > film/defaults.json")
    shared.refused("mv film thrown")
    shared.refused("rmdir film/cat")
    shared.own("rm film/cat/hold")
    wait_state(folder, "succeeded")
    assert "A kitten" in (folder / "task.json").read_text()
    settled(shared, simulator, 1)


@OTHERS
def test_others_cannot_correct_an_invalid_order(shared, simulator):
    shared.own("mkdir film film/cat && chmod 777 film && echo 'A kitten --dur 5000' > film/cat/prompt.txt", )
    folder = shared.path / "film" / "cat"
    wait_state(folder, "invalid")
    shared.refused("echo '{\"duration\": 5}' > film/defaults.json")
    shared.own("echo '{}' > film/plain.json && chmod 666 film/plain.json")
    shared.refused("mv film/plain.json film/defaults.json")
    settled(shared, simulator, 0)
    assert state(folder) == "invalid"


@OTHERS
def test_earlier_descriptors_and_mappings_of_others_write_no_order(shared, simulator):
    """
    Another user has a descriptor and a mapping from before the folder became a task. The kernel
    writes mapped pages back without a user, which looks like root.
    """
    shared.own("mkdir open && chmod 777 open && echo words > open/notes && chmod 666 open/notes")
    writer = subprocess.Popen(
        [*map(str, shared.enter), "setpriv", "--reuid", str(OTHER), "--regid", str(OTHER), "--clear-groups", "--",
         sys.executable, "-c", """
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
pages = mmap.mmap(fd, 4)
print("open", flush=True)
sys.stdin.readline()
for write in (lambda: os.pwrite(fd, b"dogs", 0), lambda: os.ftruncate(fd, 3)):
    try:
        write()
        print("written", flush=True)
    except OSError as error:
        print(error.errno, flush=True)
pages[:4] = b"pigs"
try:
    pages.flush()
    print("written", flush=True)
except OSError as error:
    print(error.errno, flush=True)
""", os.fspath(shared.real / "open" / "notes")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout.readline() == "open\n"
        shared.own("mv open/notes open/prompt.txt; touch open/hold")
        folder = shared.path / "open"
        wait_for(lambda: (folder / "status").exists(), "a task")
        answers = writer.communicate("go\n", timeout=PATIENCE)[0].split()
    finally:
        writer.kill()
        writer.wait(PATIENCE)
    assert answers[:2] == ["13", "13"], answers
    shared.own("rm open/hold")
    wait_state(folder, "succeeded")
    assert "words" in (folder / "task.json").read_text()
    assert "pigs" not in (shared.mount.library / "tree" / "open" / "prompt.txt").read_text()


@OTHERS
def test_new_files_have_the_right_owner(shared):
    """Root's daemon gives a file to its creator. An ordinary user's daemon cannot, and refuses."""
    shared.own("mkdir open && chmod 1777 open")
    made = "umask 027; echo x > open/file && mkdir open/folder && ln -s file open/link && mkfifo open/pipe"
    if shared.owner:
        for command in ("echo x > open/file", "mkdir open/folder", "ln -s x open/link", "mkfifo open/pipe"):
            shared.refused(command)
        assert not os.listdir(shared.path / "open")
        assert not shared.at(0, made).returncode, "root may, and the file is the owner's"
        assert (shared.path / "open" / "file").stat().st_uid == shared.owner
        return
    assert not shared.at(OTHER, made).returncode
    for name, wanted in (("file", 0o640), ("folder", 0o750), ("pipe", 0o640), ("link", None)):
        path = shared.mount.library / "tree" / "open" / name
        assert (path.lstat().st_uid, path.lstat().st_gid) == (OTHER, OTHER)
        assert wanted is None or mode(path) == wanted
    # other users can still do everything with their own files that orders nothing
    assert not shared.at(OTHER, "cd open && chmod 600 file && echo y >> file && mv file folder/x && rm -r folder "
                                "link pipe").returncode
    assert not os.listdir(shared.path / "open")


@OTHERS
def test_plain_folders_writable_for_all_are_usable(shared):
    shared.own("mkdir open && chmod 777 open && echo x > open/a && chmod 666 open/a")
    assert not shared.at(OTHER, "echo y >> open/a && mv open/a open/b && truncate -s 3 open/b && rm open/b").returncode


@OTHERS
def test_root_orders_like_the_owner(shared, simulator):
    """Root can become the owner anyway; what root creates in an ordinary user's mount belongs to
    that user."""
    assert not shared.at(0, "mkdir cat && echo 'A kitten' > cat/prompt.txt").returncode
    wait_state(shared.path / "cat", "succeeded")
    assert (shared.path / "cat" / "prompt.txt").stat().st_uid == shared.owner
    assert simulator.creates() == 1


@OTHERS
def test_without_allow_other_nobody_else_has_access(make_mount, simulator, tmp_path):
    open_up(tmp_path)
    mount = make_mount(simulator)
    folder = mount.folder()
    wait_state(folder, "succeeded")
    refused = run("setpriv", "--reuid", OTHER, "--regid", OTHER, "--clear-groups", "--", "ls", mount.path, check=False)
    assert refused.returncode and "Permission denied" in refused.stderr
