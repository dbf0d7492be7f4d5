"""Options and configuration as a user types them: their effect, and what is refused before anything
is created."""

import json
import os
import re
import socket

import pytest

from harness import DAEMON, PATIENCE, ROOT, mounts, run, wait_state


class Home:
    """An empty home directory beside a mount point."""

    def __init__(self, directory):
        self.home = directory / "home"
        self.home.mkdir()
        self.point = directory / "point"
        self.point.mkdir()
        self.directory = directory

    def seedancefs(self, *arguments):
        """The command line of a user who has no library yet."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
        return run(DAEMON, *arguments, check=False, cwd=self.directory, env={**environment, "HOME": str(self.home)})

    def configure(self, text):
        path = self.home / ".config" / "seedancefs" / "config.ini"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        return path

    def refuses(self, *arguments):
        """Checks that the command is refused with a message of one line, creates nothing and mounts
        nothing."""
        before = sorted(self.directory.rglob("*"))
        refused = self.seedancefs(*arguments)
        assert refused.returncode == 1 and refused.stdout == ""
        assert sorted(self.directory.rglob("*")) == before
        assert not any(point == os.fsencode(self.point) for _, point, _ in mounts())
        assert re.fullmatch(r"seedancefs: [^\n]+\n", refused.stderr), refused.stderr
        return refused.stderr


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


@pytest.mark.parametrize("option, words", [
    ("keeep=eager", 'unknown mount option "keeep"; did you mean "keep"?'),
    ("keep=eagre", 'keep is "eagre"; allowed: lazy, rescue, eager; did you mean "eager"?'),
    ("keep", "keep needs a value: keep=lazy|rescue|eager"),
    ("ro,allow_ohter", 'did you mean "allow_other"?'),
    ("xyzzy=1", 'unknown mount option "xyzzy"; see seedancefs --help'),
    ("settle=soon", 'settle is "soon"; allowed: seconds from 0'),
    ("thumbnails=on", "allowed: yes, no"),
    ("proxy=127.0.0.1:1", 'proxy is "127.0.0.1:1"; allowed: http://'),
    ("models=missing.json", "missing.json: No such file"),
    ("config=missing.ini", "missing.ini: No such file"),
    ("default_provider=ark", "has no section [provider ark]"),
    ("key_file=/tmp/key", "key_file is not a mount option"),
])
def test_a_wrong_option_creates_nothing(home, option, words):
    assert words in home.refuses(home.point, "-o", option)


@pytest.mark.parametrize("option", ["proxy=http://me:s3cr3t@host:1", "key=s3cr3t", "key_env=s3cr3t"])
def test_a_secret_is_refused_as_an_option(home, option):
    assert "s3cr3t" not in home.refuses(home.point, "-o", option)


@pytest.mark.parametrize("text, words", [
    ("keeep = eager\n", 'config.ini: line 1: unknown key "keeep"; allowed: default_provider, settle, '),
    ("\nkeep = eagre\n", 'config.ini: line 2: keep is "eagre"; allowed: lazy, rescue, eager; did you mean "eager"?'),
    ("[provider ark]\nkeep = eager\n", "line 2: [provider ark]: keep is not a key of a provider's section"),
    ("[provider ark]\nkeyfile = x\n", 'line 2: [provider ark]: unknown key "keyfile"; allowed: type, base_url, '),
    ("[provider ark]\nkeyfile = x\n", 'did you mean "key_file"?'),
    ("[provider ark]\nkeepp = eager\n", 'did you mean "keep"?'),
    ("poll = 3\n", "line 1: poll is a key of a provider's section"),
    ("[ark]\n", "line 1: unknown section [ark]; allowed: [provider NAME]; did you mean [provider ark]?"),
    ("[provider mine]\ntype = arc\n", 'config.ini: [provider mine]: type is "arc"; allowed: ark, '),
    ("[provider mine]\ntype = arc\n", 'did you mean "ark"?'),
    ("default_provider = arc\n[provider ark]\n", 'no section [provider arc]; allowed: ark; did you mean "ark"?'),
    ("[provider createtask]\n", "[provider createtask]: base_url is missing"),
    ("[provider ark]\nkey_file = a\nkey_env = B\n", "config.ini: [provider ark]: only one of key_env, key_file"),
])
def test_a_wrong_configuration_creates_nothing(home, text, words):
    home.configure(text)
    assert words in home.refuses(home.point)


def test_a_wrong_models_json_creates_nothing(home):
    (home.directory / "my, models.json").write_text('{"format": 1, "modles": {}}')
    message = home.refuses(home.point, "-o", "models=my\\, models.json")
    assert f"{home.directory}/my, models.json" in message and 'did you mean "models"?' in message


def test_models_can_be_set_as_an_option(make_mount, simulator, tmp_path):
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"format": 1, "models": {"seedance-1.0-pro": {
        "duration": [4, 20], "resolutions": ["720p"], "resolution": "720p",
        "services": {"ark": {"name": "doubao-seedance-1-0-pro-250528"}}}}}))
    mount = make_mount(simulator, options=[f"models={own}"])
    folder = mount.folder(prompt=None)
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"model": "seedance-1.0-pro", "prompt": "A cat", "resolution": "480p"}')
    assert run("cp", wrong, folder / "request.json", check=False).returncode == 1
    wait_state(folder, "invalid")
    assert "720p" in (folder / "error.txt").read_text()
    (folder / "request.json").write_text('{"model": "seedance-1.0-pro", "prompt": "A cat", "resolution": "720p"}')
    wait_state(folder, "succeeded")


def test_proxy_can_be_set_as_an_option(make_mount, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(PATIENCE)
        key = tmp_path / "key"
        key.touch(0o600)
        key.write_text("k")
        mount = make_mount(config=f"[provider ark]\nbase_url = https://ark.invalid/api/v3\nkey_file = {key}\n",
                           options=[f"proxy=http://127.0.0.1:{proxy.getsockname()[1]}"])
        mount.folder()
        connection, _ = proxy.accept()
        with connection:
            connection.settimeout(PATIENCE)
            assert connection.recv(4096).startswith(b"CONNECT ark.invalid:443 ")
            mount.end()


def test_an_option_overrides_the_configuration_file(make_mount, simulator):
    mount = make_mount(simulator, settle=0.1, config="settle = 86400\n")
    wait_state(mount.folder(), "succeeded")


def test_options_of_fuse_work(make_mount, simulator):
    mount = make_mount(simulator, options=["ro", "nosuid", "nodev", "noatime", "default_permissions", "fsname=a\\,b"])
    options = next(options for source, point, options in mounts() if point == os.fsencode(mount.path))
    assert {b"ro", b"nosuid", b"nodev", b"noatime"} <= set(options)
    assert any(source == b"a,b" for source, point, _ in mounts() if point == os.fsencode(mount.path))


def test_help_lists_what_the_readme_lists(home):
    text = home.seedancefs("--help").stdout
    listed = set(re.findall(r"^  ([a-z_]+) ?=", text, re.MULTILINE))
    sample = re.search(r"```ini\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    assert listed == set(re.findall(r"^([a-z_]+) =", sample, re.MULTILINE))
    defaults = dict(re.findall(r"^  ([a-z_]+)=\S+ +\(default: (.*)\)$", text, re.MULTILINE))
    assert defaults["keep"] == "rescue" and len(defaults) == 5
    for key, value in defaults.items():
        assert re.search(rf"^{key} = {value} ", sample, re.MULTILINE)
