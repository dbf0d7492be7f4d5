"""Live, where the announcer cannot have its own mount (refusing.py): runs the same tests with the
same expectations."""

import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile

import pytest

import harness

TESTS = pathlib.Path(__file__).resolve().parents[1]
PROGRAMS = ("seedancefs", "seedance-sim", "seedance-thumbnailer")
SUITES = ("test_live.py", "test_live_process.py")
WATCHERS = ("an_order_from_its_status", "error_txt", "a_removal_is_announced", "a_reason_to_wait",
            "fetched_bytes_change_status", "an_output_beside_an_input", "present_at_the_start")
ANNOUNCER = ("announcer", "users_file", "behind_a_link", "background")
MOUNT_POINT = ("unmounting_is_never_blocked", "detached_mount", "another_mount_on_top")

pytestmark = pytest.mark.becomes_others


@pytest.fixture
def place():
    """A place where all users find the programs and the tests."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="seedancefs-"))
    for name in PROGRAMS:
        shutil.copy(harness.BUILD / name, place)
    shutil.copytree(harness.BUILD / "share", place / "share")
    for name in ("integration", "desktop"):
        shutil.copytree(TESTS / name, place / "tests" / name, ignore=shutil.ignore_patterns("__pycache__"))
    harness.run("chmod", "-R", "a+rX", place)
    yield place
    shutil.rmtree(place)


@pytest.mark.parametrize("names", [WATCHERS, ANNOUNCER, MOUNT_POINT], ids=["watchers", "announcer", "mount_point"])
@pytest.mark.parametrize("user", ["root", "nobody"])
def test_announcements_by_path(place, user, names):
    own = place / "own"
    own.mkdir(mode=0o700)
    os.chown(own, pwd.getpwnam(user).pw_uid, -1)
    ended = subprocess.run(
        [sys.executable, "-B", place / "tests" / "desktop" / "refusing.py", user, sys.executable, "-B", "-m", "pytest", "-q",
         "-x", "-p", "no:cacheprovider", f"--basetemp={own / 'tests'}", "-k", " or ".join((*names, "has_its_own_mount")), *SUITES],
        cwd=place / "tests" / "desktop", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, preexec_fn=harness.die_with_parent,
        env={**os.environ, "HOME": str(own), "TMPDIR": str(own), "SEEDANCEFS_BUILD": str(place),
             "SEEDANCE_SIM": str(place / "seedance-sim"), "SEEDANCEFS_OWN_MOUNT": "no", "SEEDANCEFS_UNMOUNTS": "20"})
    assert ended.returncode == 0, ended.stdout
    assert " passed" in ended.stdout and " skipped" not in ended.stdout
