import faulthandler
import os

import pytest

import harness
import signals

# Must run before any program is started: programs inherit ignored signals.
signals.reset()

ONLY_ROOT = ("mounts_a_disk", "becomes_others", "passes_through")

collect_ignore = [] if harness.has_passthrough() else ["test_passthrough.py"]


def pytest_configure(config):
    for marker in ONLY_ROOT:
        config.addinivalue_line("markers", f"{marker}: only root can: the tests as an ordinary user go without it")


def pytest_collection_modifyitems(config, items):
    """Leaves out the tests that need root when an ordinary user runs them; all others run as both."""
    if harness.is_root():
        return
    roots = [item for item in items if any(item.get_closest_marker(marker) for marker in ONLY_ROOT)]
    config.hook.pytest_deselected(items=roots)
    items[:] = [item for item in items if item not in roots]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Turns a skipped test into a failure in CI."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"



@pytest.fixture(autouse=True)
def no_hang():
    """Ends a hanging test with a traceback instead of hanging the run."""
    faulthandler.dump_traceback_later(harness.PATIENCE * 6, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def simulators():
    """The simulators that a test started; they end after the mounts that use them."""
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
    """Creates mounts with options; at the end, ends all of them and checks their logs."""
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
