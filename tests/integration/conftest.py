import faulthandler
import os

import pytest

import harness
import signals

# Before any program is started: it would inherit what is ignored.
signals.reset()

ONLY_ROOT = ("mounts_a_disk", "becomes_others")


def pytest_configure(config):
    for marker in ONLY_ROOT:
        config.addinivalue_line("markers", f"{marker}: only root can: the tests as an ordinary user go without it")


def pytest_collection_modifyitems(config, items):
    """What only root can arrange is tested as root; everything else as both."""
    if harness.is_root():
        return
    roots = [item for item in items if any(item.get_closest_marker(marker) for marker in ONLY_ROOT)]
    config.hook.pytest_deselected(items=roots)
    items[:] = [item for item in items if item not in roots]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI a test that cannot run is a failure."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"



@pytest.fixture(autouse=True)
def no_hang():
    """A test that hangs ends with a traceback, not with the patience of whoever runs it."""
    faulthandler.dump_traceback_later(harness.PATIENCE * 6, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def simulators():
    """Those that a test started, in whatever order: they end after the mounts that ask them."""
    started = []
    yield started
    for simulator in started:
        simulator.stop()


@pytest.fixture
def simulator(tmp_path, simulators):
    simulators.append(harness.Simulator(tmp_path))
    return simulators[-1]


@pytest.fixture
def make_mount(tmp_path, simulators):
    """Makes mounts with options; all are ended and their logs read at the end."""
    made = []

    def make(simulator=None, **options):
        directory = tmp_path / f"m{len(made)}"
        directory.mkdir()
        mount = harness.Mount(directory, simulator, **options)
        made.append(mount)
        return mount.start()

    yield make
    try:
        for mount in made:
            if mount.process:
                mount.end()
    finally:
        for mount in made:
            mount.unmount_leftover()
    for mount in made:
        mount.check_log()


@pytest.fixture
def mount(make_mount, simulator):
    return make_mount(simulator)
