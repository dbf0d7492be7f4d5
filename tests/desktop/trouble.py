"""Situations in which nothing can be ordered: a full disk, an unreachable service."""

import contextlib

import pytest

import harness
from disk import small_disk
from harness import field, state, wait_for


@pytest.fixture
def small_mount(simulator, tmp_path):
    """A mount whose library is on a disk of 24 MiB. Request it before the desktop, whose windows
    end first."""
    simulator.hold("queued")
    with small_disk(tmp_path, "library"):
        mount = harness.Mount(tmp_path, simulator)
        mount.expect_log("No space left", "disk is full", "ledger")
        try:
            yield mount.start()
            mount.end()
            mount.check_log()
        finally:
            mount.unmount_leftover()


@pytest.fixture
def away(make_mount, tmp_path):
    """A mount whose service is unreachable."""
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(harness.closing_port())
        key = tmp_path / "key"
        key.write_text("test-key")
        key.chmod(0o600)
        mount = make_mount(config=f"[provider ark]\ntype = ark\nbase_url = http://127.0.0.1:{port}\nkey_file = {key}\n")
        mount.expect_log("create_failed", "not_sent", "unreachable", "connect")
        yield mount


def assert_waits_for_service(folder):
    waiting = wait_for(lambda: (folder / "status").exists() and "127.0.0.1" in (field(folder, "waiting") or "")
                       and field(folder, "waiting"), "what it waits for")
    assert state(folder) == "pending" and "onnect" in waiting and not (folder / "error.txt").exists()
