"""scripts/check-commits: subjects that are refused and accepted, and checkouts with little or no history."""

import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys

import pytest

SCRIPT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../../scripts/check-commits"))
MODULES = ["backend/media/stream/window.c", "backend/http/http.c", "fs/view/status_text.c", "tests/unit/fs/tree/test_node.c"]


@pytest.fixture(scope="module")
def script():
    loader = importlib.machinery.SourceFileLoader("check_commits", SCRIPT)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_commits", loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "subject",
    [
        "fs: re-create a file whose name vanished from the library",
        "backend: poll a task in batches",
        "http: bring a connection's lane back",
        "stream: succeed where the range is known",
        "media/stream: pass the error up",
        "backend/media: split the probe",
        "status_text: say what is allowed",
        "node: feed the cache",
        "docs: list the layers",
        "tests, scripts: check the subjects of commits",
        "fs: focus on one subject",
        "scripts: " + "x" * (72 - len("scripts: ")),
    ],
)
def test_accepted(script, subject):
    assert script.complaint(subject, script.modules_in(MODULES)) is None


@pytest.mark.parametrize(
    "subject, why",
    [
        ("fs: who opens a file makes it anew", '"who"'),
        ("fs: a value that no model can do is an error", '"a"'),
        ("backend: queries wait their turn", '"queries"'),
        ("backend: added a test", '"added"'),
        ("backend: adding a test", '"adding"'),
        ("backend: adds a test", '"adds"'),
        ("backend: made the table smaller", '"made"'),
        ("backend: is faster", '"is"'),
        ("backend: Add a test", '"Add"'),
        ("backend: 32 creates at once", '"32"'),
        ("backend: one place that writes buffers", '"one"'),
        ("backend: never read ahead", '"never"'),
        ("backend: what: is it", '"what"'),
        ("add a test", "module: summary"),
        ("wip", "module: summary"),
        ("", "module: summary"),
        ("Backend: add a test", "module: summary"),
        ("backend:add a test", "module: summary"),
        ("backend : add a test", "module: summary"),
        ('Revert "backend: add a test"', "module: summary"),
        ("fixup! backend: add a test", "module: summary"),
        ("backend: add a test.", "full stop"),
        ("scripts: " + "x" * (73 - len("scripts: ")), "73 columns"),
        ("nowhere: add a test", "nowhere"),
        ("fs, nowhere: add a test", "nowhere"),
        ("stream/media: add a test", "stream/media"),
    ],
)
def test_refused(script, subject, why):
    assert why in script.complaint(subject, script.modules_in(MODULES))


class Repository:
    def __init__(self, path):
        self.path = path
        os.makedirs(path / "scripts")
        shutil.copy(SCRIPT, path / "scripts")

    def git(self, *arguments):
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, "-C", self.path, *arguments], check=True, capture_output=True)

    def commit(self, subject, path="fs/view/status.c"):
        os.makedirs((self.path / path).parent, exist_ok=True)
        with open(self.path / path, "a", encoding="utf-8") as file:
            file.write("x\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", subject)

    def check(self, *arguments):
        script = self.path / "scripts/check-commits"
        done = subprocess.run([sys.executable, script, *arguments], cwd="/", capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def repository(tmp_path):
    repository = Repository(tmp_path / "checkout")
    repository.git("init", "-q")
    repository.commit("everything")
    repository.commit("fs: add a line")
    return repository


def test_range(repository):
    assert repository.check("HEAD^..HEAD") == (0, "", "")
    status, output, _ = repository.check("HEAD")
    assert status == 1 and output.count("\n") == 1 and "everything" in output
    assert repository.check("nothing..HEAD")[0] == 2
    assert repository.check("a", "b")[0] == 2


def test_modules_are_those_of_the_commit(repository):
    repository.commit("keys: add a file", "fs/daemon/keys.c")
    repository.git("rm", "-q", "fs/daemon/keys.c")
    repository.git("commit", "-q", "-m", "keys: remove the file")
    repository.commit("keys: add another line")
    status, output, _ = repository.check("HEAD~3..HEAD")
    assert status == 1 and output.count("\n") == 1 and "another line" in output


def test_default(repository):
    """What is older than the check is as it is."""
    assert repository.check() == (0, "", "")
    repository.commit("fs: a line more")
    status, output, _ = repository.check()
    assert status == 1 and output.count("\n") == 1 and "a line more" in output


def test_uncommitted_script(tmp_path):
    repository = Repository(tmp_path)
    repository.git("init", "-q")
    assert repository.check()[:2] == (0, "")
    os.rename(tmp_path / "scripts", tmp_path / "away")
    repository.commit("everything")
    os.rename(tmp_path / "away", tmp_path / "scripts")
    assert repository.check() == (0, "", "")


def test_shallow_clone(repository, tmp_path):
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{repository.path}", tmp_path / "clone"], check=True)
    clone = object.__new__(Repository)
    clone.path = tmp_path / "clone"
    assert clone.check() == (0, "", "")
    clone.commit("fs: a line more")
    clone.commit("fs: add a line more")
    status, output, _ = clone.check()
    assert status == 1 and output.count("\n") == 1


def test_no_history(tmp_path):
    """A source archive, alone and unpacked inside another repository."""
    archive = Repository(tmp_path / "outer/archive")
    assert archive.check()[:2] == (0, "")
    outer = Repository(tmp_path / "outer/other")
    outer.path = tmp_path / "outer"
    outer.git("init", "-q")
    assert archive.check()[:2] == (0, "")
    outer.commit("everything")
    assert archive.check()[:2] == (0, "")
