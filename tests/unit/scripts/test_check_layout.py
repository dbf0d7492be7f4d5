"""scripts/check-layout: each rule is broken once, in a small tree, and in a copy of the real one."""

import json
import os
import shlex
import shutil
import subprocess
import sys

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
BUILD = os.environ.get("SEEDANCEFS_BUILD", os.path.join(ROOT, "build/dev"))
COMPILER = os.environ.get("CC", "cc")

LAYERS = """# Another list

1. `fs/kernel/`: what to look at first

## The layers

1. `backend/base/`: texts
2. `backend/http/`, `backend/formats/`: two that do not know each other
3. `backend/`: the interface
4. `fs/tree/`: files
5. `fs/kernel/`: FUSE
%s
## How to add a file

1. `fs/kernel/`: what to do first
"""
SOURCES = {
    "backend/base/text.h": "int text_size(void);\n",
    "backend/base/text.c": '#include "backend/base/text.h"\n\n#include <string.h>\n\nint text_size(void)\n{\n\treturn 1;\n}\n',
    "backend/http/http.h": "extern int http_calls;\n",
    "backend/http/http.c": '#include "backend/http/http.h"\n\nint http_calls;\n',
    "backend/formats/type.c": "int type_kind(void)\n{\n\treturn 2;\n}\n",
    "backend/backend.h": "int backend_start(void);\n",
    "backend/backend.c": '#include "backend/backend.h"\n#include "backend/http/http.h"\n\n'
    "int backend_start(void)\n{\n\treturn http_calls;\n}\n",
    "backend/sim/main.c": '#include "backend/base/text.h"\n\nint main(void)\n{\n\treturn text_size();\n}\n',
    "fs/tree/node.h": "int node_find(void);\n",
    "fs/tree/node_internal.h": "int node_hash(void);\n",
    "fs/tree/node.c": '#include "fs/tree/node.h"\n#include "fs/tree/node_internal.h"\n#include "backend/backend.h"\n\n'
    "int node_find(void)\n{\n\treturn backend_start();\n}\n",
    "fs/kernel/ops.h": "int ops_read(void);\n",
    "fs/kernel/ops.c": '#include "fs/kernel/ops.h"\n#include "fs/tree/node.h"\n\nint ops_read(void)\n{\n\treturn node_find();\n}\n',
    "tests/unit/fs/tree/test_node.c": '#include "fs/tree/node_internal.h"\n\nint node_test(void)\n{\n\treturn 0;\n}\n',
}


class Tree:
    """A tree of sources with a copy of the script, and a build of it."""

    def __init__(self, path):
        self.path = str(path)
        self.build = os.path.join(self.path, "build/dev")

    def write(self, path, text):
        whole = os.path.join(self.path, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, path):
        with open(os.path.join(self.path, path), encoding="utf-8") as file:
            return file.read()

    def append(self, path, text):
        self.write(path, self.read(path) + text)

    def prepend(self, path, text):
        self.write(path, text + self.read(path))

    def compile(self, path, build="dev"):
        """As CMake does: build/dev/fs/CMakeFiles/target.dir/tree/node.c.o."""
        side, _, rest = path.partition("/")
        target = os.path.join(self.path, "build", build, side, "CMakeFiles/target.dir", rest + ".o")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        subprocess.run([COMPILER, "-I", self.path, "-c", os.path.join(self.path, path), "-o", target], check=True)
        return target

    def check(self, *arguments):
        """(exit status, breaches, what it says about itself)"""
        done = subprocess.run(
            [sys.executable, os.path.join(self.path, "scripts/check-layout"), *arguments],
            cwd="/",
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The small tree with its objects, to be copied."""
    tree = Tree(tmp_path_factory.mktemp("built"))
    for path, text in SOURCES.items():
        tree.write(path, text)
        if path.endswith(".c"):
            tree.compile(path)
    tree.write("CONTRIBUTING.md", LAYERS % "")
    shutil.copytree(os.path.join(ROOT, "scripts"), os.path.join(tree.path, "scripts"))
    tree.write("scripts/layout-exceptions", "# nothing\n")
    return tree


@pytest.fixture
def tree(built, tmp_path):
    shutil.copytree(built.path, tmp_path / "tree")
    return Tree(tmp_path / "tree")


def function(name, lines=3, branches=0):
    """A function of so many lines with so many branches."""
    body = ["\tif (x > %d) x = 0;\n" % i for i in range(branches)]
    body += ["\tx++;\n"] * (lines - 4 - len(body))
    return "int %s(int x)\n{\n%s\treturn x;\n}\n" % (name, "".join(body))


def expect(tree, *parts):
    """One breach, which names all of these."""
    status, breaches, _ = tree.check()
    assert status == 1 and len(breaches) == 1, breaches
    assert all(part in breaches[0] for part in parts), breaches


def test_clean(tree):
    assert tree.check() == (0, [], "")
    assert tree.check(tree.build) == (0, [], "")


# --- layers ---


@pytest.mark.parametrize(
    "path, header",
    [
        ("fs/tree/node.c", "fs/kernel/ops.h"),  # upwards
        ("backend/formats/type.c", "backend/http/http.h"),  # a peer
        ("backend/base/text.c", "backend/backend.h"),
        ("backend/backend.c", "fs/tree/node.h"),
        ("fs/kernel/ops.c", "backend/http/http.h"),  # not the interface
        ("backend/sim/main.c", "backend/http/http.h"),  # a program of its own
    ],
)
def test_include(tree, path, header):
    tree.append(path, f'#include "{header}"\n')
    line = tree.read(path).count("\n")
    expect(tree, f"{path}:{line}: layers: includes {header}")


@pytest.mark.parametrize(
    "path, symbol, owner",
    [
        ("fs/tree/node.c", "ops_read", "fs/kernel/ops.c"),
        ("backend/formats/type.c", "http_calls", "backend/http/http.c"),  # data
        ("backend/base/text.c", "node_find", "fs/tree/node.c"),
        ("backend/sim/main.c", "type_of", None),
        ("backend/sim/main.c", "backend_start", "backend/backend.c"),
    ],
)
def test_symbol(tree, path, symbol, owner):
    tree.append(path, f"extern char {symbol};\nvoid *borrowed(void);\nvoid *borrowed(void)\n{{\n\treturn &{symbol};\n}}\n")
    tree.compile(path)
    if owner:
        expect(tree, f"{path}: layers: uses {symbol} of {owner}")
    else:
        assert tree.check()[0] == 0  # of a library


def test_layers_and_directories_agree(tree):
    tree.write("fs/view/view.c", "int view;\n")
    tree.compile("fs/view/view.c")
    expect(tree, "fs/view/: layers:")
    tree.write("CONTRIBUTING.md", LAYERS % "6. `fs/view/`: files\n7. `fs/daemon/`: the program\n")
    expect(tree, "fs/daemon/: layers:")


def test_objects_of_tests_and_of_removed_files_do_not_count(tree):
    tree.write("fs/tree/old.c", "int ops_read(void);\nint old(void)\n{\n\treturn ops_read();\n}\n")
    tree.compile("fs/tree/old.c")
    expect(tree, "fs/tree/old.c", "ops_read")
    os.unlink(os.path.join(tree.path, "fs/tree/old.c"))
    assert tree.check()[:2] == (0, [])


# --- what it reads ---


def test_newest_build(tree):
    tree.append("fs/tree/node.c", "int ops_read(void);\nint up(void)\n{\n\treturn ops_read();\n}\n")
    os.utime(tree.compile("fs/tree/node.c", "asan"), (1, 1))
    assert tree.check()[0] == 0
    os.utime(tree.compile("fs/tree/node.c", "asan"), None)
    os.utime(tree.compile("fs/kernel/ops.c", "asan"), (4e9, 4e9))
    expect(tree, "fs/tree/node.c", "ops_read")
    assert tree.check(tree.build)[0] == 0


@pytest.mark.parametrize("arguments", [(), ("/nonexistent",), ("a", "b")])
def test_no_objects(tree, arguments):
    shutil.rmtree(tree.build)
    os.makedirs(tree.build)
    tree.append("fs/tree/node.c", '#include "fs/kernel/ops.h"\n')
    status, _, message = tree.check(*arguments)
    assert status == 2 and (arguments == ("a", "b") or "no objects" in message)


@pytest.mark.parametrize("tool", ["nm", "pmccabe"])
def test_missing_tool(tree, tool, monkeypatch, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in {"nm", "pmccabe"} - {tool}:
        os.symlink(shutil.which(name), programs / name)
    monkeypatch.setenv("PATH", str(programs))
    status, breaches, message = tree.check()
    assert (status, breaches) == (2, []) and tool in message


def test_object_that_is_not_built_is_named(tree):
    tree.write("fs/tree/new.c", "int new;\n")
    status, breaches, message = tree.check()
    assert (status, breaches) == (0, []) and "fs/tree/new.c" in message


# --- headers and names ---


@pytest.mark.parametrize(
    "path, header, status",
    [
        ("fs/tree/node.c", "sqlite3.h", 1),
        ("backend/backend.c", "curl/curl.h", 1),
        ("backend/http/http.c", "curl/curl.h", 0),
        ("fs/tree/node.h", "fuse_lowlevel.h", 1),
        ("fs/kernel/ops.h", "fuse_lowlevel.h", 0),
        ("fs/kernel/ops.c", "zlib.h", 1),  # nobody's
        ("fs/kernel/ops.c", "sys/mount.h", 0),
        ("tests/unit/fs/tree/test_node.c", "sqlite3.h", 0),
    ],
)
def test_outside_header(tree, path, header, status):
    tree.append(path, f"#include <{header}>\n")
    if status:
        expect(tree, path, f"outside header: <{header}>")
    else:
        assert tree.check()[:2] == (0, [])


@pytest.mark.parametrize(
    "path, header",
    [
        ("fs/tree/node.c", "node.h"),
        ("fs/tree/node.c", "../tree/node.h"),
        ("fs/tree/node.c", "sqlite3.h"),
        ("tests/unit/fs/tree/test_node.c", "tree/node.h"),
        ("fs/tree/node.c", "fs/tree/absent.h"),
    ],
)
def test_include_path(tree, path, header):
    tree.append(path, f'#include "{header}"\n')
    expect(tree, path, f'include path: "{header}"')


def test_private_header(tree):
    tree.append("fs/kernel/ops.c", '#include "fs/tree/node_internal.h"\n')
    expect(tree, "fs/kernel/ops.c", "private header: fs/tree/node_internal.h")


def test_base_name(tree):
    for path in ("fs/tree/text.c", "backend/sim/text.c", "fs/kernel/main.c", "fs/tree/main.c"):
        tree.write(path, "extern int nothing;\n")
        tree.compile(path)
    assert tree.check()[:2] == (0, [])
    tree.write("fs/kernel/text.c", "extern int nothing;\n")
    tree.compile("fs/kernel/text.c")
    expect(tree, "fs/tree/text.c", "base name: fs/kernel/text.c")
    os.unlink(os.path.join(tree.path, "fs/kernel/text.c"))
    tree.write("fs/kernel/node.h", "extern int nothing;\n")
    expect(tree, "fs/tree/node.h", "base name: fs/kernel/node.h")


# --- sizes ---


@pytest.mark.parametrize("path", ["fs/tree/node.c", "fs/tree/node.h", "tests/unit/fs/tree/test_node.c"])
def test_long_file(tree, path):
    tree.append(path, "\n" * (500 - tree.read(path).count("\n")))
    tree.write("tests/desktop/test_look.py", "\n" * 500)
    assert tree.check()[0] == 0
    tree.append(path, "\n")
    expect(tree, path, "file-lines: 501; allowed: 500")
    tree.append("tests/desktop/test_look.py", "\n")
    assert "tests/desktop/test_look.py: file-lines: 501; allowed: 500" in tree.check()[1]


@pytest.mark.parametrize("path", ["fs/tree/node.c", "fs/tree/node.h", "tests/unit/fs/tree/test_node.c"])
def test_long_function(tree, path):
    tree.append(path, function("sixty", lines=60))
    assert tree.check()[0] == 0
    tree.append(path, function("longer", lines=61))
    expect(tree, f"{path}:longer: function-lines: 61; allowed: 60")


def test_complexity(tree):
    tree.append("fs/tree/node.c", function("fifteen", lines=30, branches=14))
    assert tree.check()[0] == 0
    tree.append("fs/tree/node.c", function("sixteen", lines=30, branches=15))
    expect(tree, "fs/tree/node.c:sixteen: complexity: 16; allowed: 15")


def test_directory(tree):
    for i in range(24):
        tree.write(f"tests/unit/fs/tree/test_{i}.c", "extern int nothing;\n")
    assert tree.check()[0] == 0
    tree.write("tests/unit/fs/tree/test_24.c", "extern int nothing;\n")
    expect(tree, "tests/unit/fs/tree/: directory: 26 .c files; allowed: 25")


# --- exceptions ---


def test_exceptions(tree):
    tree.append("fs/tree/node.c", function("long", lines=70, branches=20))
    tree.append("fs/tree/node.c", "\n" * 500)
    lines = tree.read("fs/tree/node.c").count("\n")
    entries = [("file-lines", "fs/tree/node.c", lines), ("function-lines", "fs/tree/node.c:long", 70)]
    entries.append(("complexity", "fs/tree/node.c:long", 21))

    def except_(change=0, changed=None):
        tree.write(
            "scripts/layout-exceptions",
            "".join("%s %s %d\n" % (rule, what, figure + (change if rule == changed else 0)) for rule, what, figure in entries),
        )

    except_()
    assert tree.check()[:2] == (0, [])
    for rule, what, figure in entries:
        except_(+1, rule)  # it could be lower
        expect(tree, f"{what}: {rule}:", f"{figure + 1}", f"{figure}", "lower the entry")
        except_(-1, rule)  # it grew
        expect(tree, f"{what}: {rule}: {figure}; allowed: {figure - 1}")
    tree.write("fs/tree/node.c", SOURCES["fs/tree/node.c"])
    except_()
    status, breaches, _ = tree.check()
    assert status == 1 and len(breaches) == 3 and all("remove the entry" in breach for breach in breaches)


def test_exception_from_another_rule(tree):
    tree.write("scripts/layout-exceptions", "layers fs/tree/node.c 1\n")
    expect(tree, "fs/tree/node.c: layers:", "remove the entry")


def test_too_many_long_files(tree):
    for i in range(6):
        tree.write(f"fs/tree/node{i}.h", "\n" * 501)
    tree.write("scripts/layout-exceptions", "".join(f"file-lines fs/tree/node{i}.h 501\n" for i in range(6)))
    expect(tree, "6 files over 500 lines", "allowed: 5")
    os.unlink(os.path.join(tree.path, "fs/tree/node5.h"))
    tree.write("scripts/layout-exceptions", "".join(f"file-lines fs/tree/node{i}.h 501\n" for i in range(5)))
    assert tree.check()[0] == 0


# --- the tree itself ---


@pytest.fixture
def copy(tmp_path):
    """A copy of the tree: sources, what the script reads, and the build's objects."""
    tree = Tree(tmp_path / "copy")
    for top in ("backend", "fs", "tests", "scripts"):
        shutil.copytree(
            os.path.join(ROOT, top),
            os.path.join(tree.path, top),
            ignore=shutil.ignore_patterns("fixtures", "corpus", "__pycache__"),
        )
    shutil.copy(os.path.join(ROOT, "CONTRIBUTING.md"), tree.path)
    for directory, _, names in os.walk(BUILD):
        for name in names:
            if name.endswith(".c.o"):
                target = os.path.join(tree.build, os.path.relpath(directory, BUILD))
                os.makedirs(target, exist_ok=True)
                os.symlink(os.path.join(directory, name), os.path.join(target, name))
    return tree


def recompile(tree, path):
    """As the build does, in the copy."""
    with open(os.path.join(BUILD, "compile_commands.json"), encoding="utf-8") as file:
        entry = next(entry for entry in json.load(file) if entry["file"] == os.path.join(ROOT, path))
    command = shlex.split(entry["command"].replace(ROOT + "/", tree.path + "/").replace(ROOT + " ", tree.path + " "))
    target = os.path.join(tree.build, command[command.index("-o") + 1])
    command[command.index("-o") + 1] = target
    os.unlink(target)
    subprocess.run(command, cwd=tree.build, check=True)


def test_copy(copy):
    """The copy is clean; then one include and one symbol are broken, and both are named."""
    assert copy.check() == (0, [], "")
    copy.append("fs/tree/names.c", '#include "fs/daemon/options.h"\n')
    copy.append(
        "backend/base/text.c",
        "extern int backend_create(void);\nint text_upward(void);\nint text_upward(void)\n{\n\treturn backend_create();\n}\n",
    )
    recompile(copy, "backend/base/text.c")
    status, breaches, _ = copy.check()
    assert status == 1 and len(breaches) == 2, breaches
    assert "fs/tree/names.c" in breaches[0] and "fs/daemon/options.h" in breaches[0]
    assert "backend/base/text.c" in breaches[1] and "backend_create" in breaches[1]
