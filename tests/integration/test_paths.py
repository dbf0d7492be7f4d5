"""Unusual paths of the library and the mount point."""

import os
import pathlib

import pytest

import harness
from harness import is_root, run, state, wait_state

NAMES = ["a b,c", "Videos, 2024", "x,allow_other", "ends with,", "back\\slash\\,\\040", "tab\there", "new\nline", "#1 größer",
         os.fsdecode(b"latin \xe4\xff"), "-o ro", "per%cent $HOME 'quote\""]


@pytest.fixture
def odd(tmp_path, simulator):
    """Creates a mount below a folder of the given name."""
    made = []

    def make(name):
        place = tmp_path / name
        (place / "mount").mkdir(parents=True)
        mount = harness.Mount(tmp_path, simulator)
        mount.library, mount.path = place / "library", place / "mount"
        made.append(mount)
        return mount.start()

    yield make
    for mount in made:
        if mount.process:
            mount.end()
        mount.unmount_leftover()
        mount.check_log()


def read_ahead_kib(path):
    device = os.stat(path).st_dev
    return int(pathlib.Path(f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}/read_ahead_kb").read_text())


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_path_works(odd, name):
    mount = odd(name)
    folder = mount.folder("cat")
    wait_state(folder, "succeeded")
    options = {point: (source, options) for source, point, options in harness.mounts()}
    source, options = options[os.fsencode(mount.path)]
    assert source == os.fsencode(mount.library)
    assert b"allow_other" not in options and b"rw" in options
    if is_root():
        assert read_ahead_kib(mount.path) == 1024
    again = run(*mount.command("-f"), check=False, errors="replace")
    assert again.returncode and "is already mounted there" in again.stderr
    assert state(folder) == "succeeded"
    mount.kill()  # the next start replaces the dead mount point
    mount.start()
    wait_state(folder, "succeeded")
    mount.end()


def test_the_path_of_a_configuration_may_have_a_comma(tmp_path, simulator):
    place = tmp_path / "Videos, 2024"
    place.mkdir()
    mount = harness.Mount(place, simulator)
    mount.options[-1] = mount.options[-1].replace(",", "\\,")
    mount.start()
    try:
        wait_state(mount.folder(), "succeeded")
        mount.end()
    finally:
        mount.unmount_leftover()
    mount.check_log()
