"""Programs that tests start react to signals, even if the tests run in the background or under nohup."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
SCRIPTS = HERE.parents[1] / "scripts"
NUMBERS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)

# Prints the signals that a program started by a test finds ignored.
CASE = """
import pathlib, re, subprocess
import pytest

def test_child():
    child = subprocess.run(["cat", "/proc/self/status"], text=True, capture_output=True, check=True)
    print("SigIgn of the child:", re.search(r"SigIgn:\\s*(\\w+)", child.stdout)[1])
"""


def ignore_all():
    for number in NUMBERS:
        signal.signal(number, signal.SIG_IGN)


def ignored_by_child(tmp_path, *workers):
    """The mask of ignored signals in a program of a test whose pytest was started with all of them
    ignored."""
    (tmp_path / "conftest.py").write_text((HERE / "conftest.py").read_text())
    (tmp_path / "test_case.py").write_text(CASE)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rP", "-p", "no:cacheprovider", *workers, tmp_path / "test_case.py"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(HERE)}, text=True, capture_output=True, check=False,
        preexec_fn=ignore_all)
    assert result.returncode == 0, result.stdout + result.stderr
    line = next(line for line in result.stdout.splitlines() if line.startswith("SigIgn of the child:"))
    return int(line.split()[-1], 16)


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_programs_of_a_test_ignore_no_signal(tmp_path, workers):
    mask = ignored_by_child(tmp_path, *workers)
    assert [number.name for number in NUMBERS if mask >> number - 1 & 1] == []


def test_the_test_script_resets_inherited_signals(tmp_path):
    """It runs with an unknown part, and with a setup.sh that reports its ignored signals."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "test.sh").write_text((SCRIPTS / "test.sh").read_text())
    (scripts / "setup.sh").write_text("#!/bin/sh\ngrep SigIgn /proc/$$/status\n")
    for script in scripts.iterdir():
        script.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != "SEEDANCEFS_DEFAULT_SIGNALS"}
    result = subprocess.run([scripts / "test.sh", "nothing"], text=True, capture_output=True, check=False,
                            env=environment, preexec_fn=ignore_all)
    assert 'unknown part "nothing"' in result.stderr
    mask = int(result.stdout.split("SigIgn:")[1].split()[0], 16)
    assert [number.name for number in NUMBERS if mask >> number - 1 & 1] == []
