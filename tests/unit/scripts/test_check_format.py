"""scripts/check-format: what it finds, and what it leaves alone."""

import os
import shutil
import subprocess
import sys

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
FUNCTION = "int one(void)\n{\n\treturn 1;\n}\n"


@pytest.fixture
def check(tmp_path):
    """Checks a tree with this one file: (exit status, output)."""

    def check(text, path="fs/tree/node.c", environment=None):
        os.makedirs((tmp_path / path).parent, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
        os.makedirs(tmp_path / "scripts", exist_ok=True)
        shutil.copy(os.path.join(ROOT, "scripts/check-format"), tmp_path / "scripts")
        shutil.copy(os.path.join(ROOT, ".clang-format"), tmp_path)
        command = [sys.executable, tmp_path / "scripts/check-format"]
        done = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    return check


@pytest.mark.parametrize(
    "comment",
    [
        "/* One line. */\n",
        "/* Two lines that end\n * together. */\n",
        "/*\n * A banner.\n */\n",
        "/* --- a heading ---\n *\n * and its text\n */\n",
        "/*\n *\tqueued --> running\n *\n */\n",
        "/* *x is no comment's line */\n",
    ],
)
def test_whole(check, comment):
    assert check(comment + FUNCTION) == (0, "")


@pytest.mark.parametrize(
    "comment, line",
    [
        ("/* One line whose end was pushed away.\n */\n", 2),
        ("/* Two lines whose end\n * was pushed away.\n */\n", 3),
        ("/* One. */\n/*\n * The name is lost, a\n *space is missing.\n */\n", 4),
    ],
)
def test_broken_comment(check, comment, line):
    for path in ("fs/tree/node.c", "backend/base/text.h", "tests/unit/unit.h"):
        status, output = check(comment + FUNCTION, path)
        assert status == 1 and f"{path}:{line}: comment: " in output


def test_layout(check):
    status, output = check(FUNCTION.replace("\treturn", "  return"))
    assert status == 1 and output.startswith("fs/tree/node.c:") and ": format: " in output


def test_comments_are_left_alone(tmp_path):
    """A comment as wide as this stays as it is: what clang-format breaks it does not mend."""
    text = "/* " + "word " * 20 + "*/\n/* " + "word " * 30 + "\n * end. */\n" + FUNCTION
    shutil.copy(os.path.join(ROOT, ".clang-format"), tmp_path)
    (tmp_path / "a.c").write_text(text, encoding="utf-8")
    done = subprocess.run(["clang-format-14", tmp_path / "a.c"], capture_output=True, text=True, check=True)
    assert done.stdout == text


def test_without_clang_format(check, tmp_path):
    assert check(FUNCTION, environment={"PATH": str(tmp_path)})[0] == 2
