"""Mounting, unmounting, and what remains."""

import os
import pathlib
import signal
import subprocess

import pytest

from harness import (DAEMON, PATIENCE, Mount, closing_port, field, is_root, run, state, status, wait_for,
                     wait_state)


def children(pid):
    """All descendants of this process."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        if parent == pid:
            found += [int(entry.name)] + children(int(entry.name))
    return found


def is_running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def unmount(path):
    if is_root():
        return run("umount", path, check=False)
    return run("fusermount3", "-u", path, check=False)


@pytest.fixture
def embedded(tmp_path):
    """A mount on the embedded simulator, without any configuration."""
    mount = Mount(tmp_path)
    mount.options.append(f"config={tmp_path / 'none.ini'}")
    (tmp_path / "none.ini").write_text("")
    mount.start()
    yield mount
    if mount.process:
        mount.end()
    mount.unmount_leftover()
    mount.check_log()


def test_the_library_is_created_private(mount):
    assert mount.library.stat().st_mode & 0o777 == 0o700
    assert (mount.library / "tree").is_dir() and (mount.library / "ledger.sqlite3").exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_daemon_cleanly(mount, how):
    mount.end(how)


def test_unmounting_ends_the_daemon(mount):
    assert unmount(mount.path).returncode == 0
    assert mount.process.wait(PATIENCE) == 0
    mount.process = None


def test_ending_with_open_files_leaves_no_dead_mount_point(mount):
    (mount.path / "file").write_text("x")
    busy = os.open(mount.path / "file", os.O_RDONLY)
    mount.end()
    with pytest.raises(OSError):
        os.close(busy)  # its flush reaches no daemon
    assert os.listdir(mount.path) == []


def test_the_background_start_returns_once_the_mount_answers(tmp_path, simulator):
    mount = Mount(tmp_path, simulator)
    try:
        run(*mount.command())
        assert (tmp_path / "mount").stat().st_dev != tmp_path.stat().st_dev
        assert os.listdir(mount.path) == ["gallery.html"]
        log = mount.library / "seedancefs.log"
        assert "event=mounted" in log.read_text()
        pid = int((mount.library / "lock").read_text())
        assert os.getpgid(pid) != os.getpgid(0)
    finally:
        assert unmount(mount.path).returncode == 0
    wait_for(lambda: not is_running(pid))


def test_the_background_daemon_closes_an_inherited_pipe(tmp_path):
    """`seedancefs … | tail` must end: neither the daemon nor its simulator may keep the pipe open."""
    (tmp_path / "none.ini").write_text("")
    mount = Mount(tmp_path)
    mount.options.append(f"config={tmp_path / 'none.ini'}")
    try:
        run("bash", "-c", '"$@" 2>&1 | cat', "bash", *mount.command(), timeout=PATIENCE)
        assert os.listdir(mount.path) == ["gallery.html"]
    finally:
        unmount(mount.path)


def test_only_one_daemon_uses_a_library(mount, tmp_path):
    second = tmp_path / "second"
    second.mkdir()
    refused = run(DAEMON, mount.library, second, "-f", check=False)
    assert refused.returncode == 1
    assert "in use by another seedancefs" in refused.stderr and str(mount.pid) in refused.stderr


def test_a_mount_point_is_not_mounted_twice(mount, tmp_path):
    refused = run(DAEMON, tmp_path / "other", mount.path, "-f", check=False)
    assert refused.returncode == 1 and "already mounted there" in refused.stderr


def test_a_dead_mount_point_is_replaced(mount):
    (mount.path / "kept").write_text("x")
    mount.kill()
    with pytest.raises(OSError):
        os.listdir(mount.path)
    mount.start()
    assert sorted(os.listdir(mount.path)) == ["gallery.html", "kept"]


def test_the_simulator_ends_with_a_killed_daemon(embedded):
    folder = embedded.folder()
    wait_state(folder, "running", "succeeded")
    below = children(embedded.pid)
    assert below, "the embedded simulator is a child"
    embedded.kill()
    wait_for(lambda: not any(is_running(pid) for pid in below), "the end of the simulator", 1.5)
    embedded.start()
    wait_state(folder, "succeeded")
    assert (folder / "video.mp4").stat().st_size > 0


def test_status_names_the_simulator(embedded):
    folder = embedded.folder()
    wait_state(folder, "succeeded")
    assert "simulator" in field(folder, "provider")
    assert "nothing is billed" in status(folder)
    assert "event=simulator" in embedded.log()


def test_the_simulator_keeps_its_tasks(embedded):
    folder = embedded.folder()
    wait_state(folder, "succeeded")
    embedded.end()
    embedded.start()
    assert state(folder) == "succeeded"
    video = (folder / "video.mp4").read_bytes()
    assert len(video) == (folder / "video.mp4").stat().st_size and video[4:8] == b"ftyp"


@pytest.mark.parametrize("arguments, words", [
    ([], "mount point is missing"),
    (["a", "b", "c"], "too many arguments"),
    (["--nonsense", "x"], "unknown option"),
])
def test_wrong_arguments_are_explained(arguments, words):
    refused = run(DAEMON, *arguments, check=False)
    assert refused.returncode == 1 and words in refused.stderr


def test_wrong_paths_are_explained(tmp_path):
    library, point = tmp_path / "library", tmp_path / "point"
    point.mkdir()
    missing = run(DAEMON, library, tmp_path / "missing", check=False)
    assert missing.returncode == 1 and "create the folder first" in missing.stderr
    inside = run(DAEMON, point / "library", point, check=False)
    assert inside.returncode == 1 and "is inside the mount point" in inside.stderr
    library.mkdir(mode=0o700)
    (library / "point").mkdir()
    around = run(DAEMON, library, library / "point", check=False)
    assert around.returncode == 1 and "is inside the library" in around.stderr
    config = point / "config.ini"
    config.write_text("")
    within = run(DAEMON, tmp_path / "elsewhere", point, "-o", f"config={config}", check=False)
    assert within.returncode == 1 and "the configuration" in within.stderr
    (point / "key").touch(mode=0o600)
    config = tmp_path / "config.ini"
    config.write_text(f"[provider ark]\nkey_file = {point / 'key'}\n")
    within = run(DAEMON, tmp_path / "elsewhere", point, "-o", f"config={config}", check=False)
    assert within.returncode == 1 and "the key file" in within.stderr


def test_a_library_writable_by_others_is_refused(tmp_path):
    library, point = tmp_path / "library", tmp_path / "point"
    point.mkdir()
    library.mkdir()
    library.chmod(0o777)
    refused = run(DAEMON, library, point, check=False)
    assert refused.returncode == 1 and "chmod 700" in refused.stderr


@pytest.mark.parametrize("text, words", [
    ("setttle = 3\n", 'did you mean "settle"'),
    ("settle = soon\n", "allowed: seconds"),
    ("[provider ark]\nbase_url = http://example.com\n", "http:// for localhost"),
    ("[provider ark]\nkey_env = NO_SUCH_VARIABLE\n", 'key_env is "NO_SUCH_VARIABLE"'),
    ("[provider x]\ntype = arc\n", "allowed: ark, acedata"),
    ("default_provider = mine\n", "no section [provider mine]"),
    ("[account x]\n a = b\n", "[provider NAME]"),
])
def test_a_wrong_configuration_is_explained(tmp_path, text, words):
    point = tmp_path / "point"
    point.mkdir()
    config = tmp_path / "config.ini"
    config.write_text(text)
    refused = run(DAEMON, tmp_path / "library", point, "-o", f"config={config}", check=False)
    assert refused.returncode == 1 and words in refused.stderr, refused.stderr


def test_a_key_readable_by_others_is_refused(tmp_path):
    point, key, config = tmp_path / "point", tmp_path / "key", tmp_path / "config.ini"
    point.mkdir()
    key.write_text("secret-key")
    key.chmod(0o644)
    config.write_text(f"[provider ark]\nkey_file = {key}\n")
    refused = run(DAEMON, tmp_path / "library", point, "-o", f"config={config}", check=False)
    assert refused.returncode == 1 and "chmod 600" in refused.stderr and "secret-key" not in refused.stderr


def test_an_unreachable_service_does_not_stop_the_mount(make_mount, tmp_path):
    with closing_port() as port:
        key = tmp_path / "key"
        key.write_text("k")
        key.chmod(0o600)
    mount = make_mount(config=f"[provider ark]\nbase_url = http://127.0.0.1:{port}\nkey_file = {key}\n")
    folder = mount.folder()
    wait_for(lambda: "cannot be reached" in (field(folder, "waiting") or ""))
    assert state(folder) == "pending"
    assert "nothing was sent" in status(folder)


def test_help_and_version():
    assert "usage: seedancefs" in run(DAEMON, "--help").stdout
    assert run(DAEMON, "--version").stdout.startswith("seedancefs ")
    assert subprocess.run([DAEMON], capture_output=True, timeout=PATIENCE).returncode == 1
