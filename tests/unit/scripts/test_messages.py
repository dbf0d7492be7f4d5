"""scripts/messages: a message of each kind is found, and no new function can hide one."""

import os
import subprocess

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
SCRIPT = os.path.join(ROOT, "scripts/messages")


def run(*arguments, expected=0):
    done = subprocess.run(["/usr/bin/python3", SCRIPT, *arguments], capture_output=True, text=True)
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout


def listed(tmp_path, source, path="backend/a.c"):
    """The messages of a tree with a single file."""
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(source)
    return [line.split(": ", 1) for line in run(str(tmp_path)).splitlines()]


@pytest.fixture(scope="module")
def messages():
    return [line.split(": ", 1) for line in run().splitlines()]


@pytest.mark.parametrize("path, text", [
    ("fs/view/virtual_files.c", "settling: will be submitted in %<PRId64> s unless the folder changes"),
    ("fs/order/draft_inputs.c", "%s is incomplete (%s without its end)"),
    ("backend/orders/limits.c", "%u tasks are active at %s (max_active = %u); this one will be submitted when one of them ends"),
    ("backend/media/stream/disk.c", "%s: the library's disk reports \\\"%s\\\"; reading from memory and the network until "
                                    "space is free"),
    ("backend/request/content.c", "%s: the URL is empty"),
    ("backend/models/fit_content.c", "; services that support it: %s"),
    ("backend/models/fit_params.c", "a draft has no last frame"),
    ("backend/base/json_check.c", "expected a value (strings need double quotes)"),
    ("backend/request/problem.c", "Try again later: write \\\"retry\\\" to status."),
    ("fs/view/status_text.c", "This request was rejected; nothing was billed."),
    ("fs/view/gallery_page.c", "No tasks yet"),
    ("fs/daemon/library.c", "cannot open the library %s: %s"),
    ("fs/daemon/main.c", "event=mounted"),
    ("share/models.json", "BytePlus ModelArk"),
    ("share/gallery.html", "Seedance"),
    ("scripts/test.sh", "=== all tests passed"),
])
def test_a_message_of_each_kind(messages, path, text):
    folder = os.path.dirname(path)
    assert any(where.startswith(folder) and found == text for where, found in messages), "in that directory"


def test_the_usage_text(messages):
    assert any(where.startswith("fs/daemon/") and text.startswith("usage: seedancefs") for where, text in messages)


def test_the_list_is_sorted_and_leaves_out_the_simulator(messages):
    files = [where.rsplit(":", 1)[0] for where, _ in messages]
    assert files == sorted(files)
    assert not any(file.startswith("backend/sim/") for file in files)


@pytest.mark.parametrize("source, expected", [
    ('log_info("event=one "\n\t /* why */ "task=%" PRIu64, n);', ["event=one task=%<PRIu64>"]),
    ('draft_wait(d, "%s is %s", name, is_open ? "open" : "shut");', ["%s is %s", "open", "shut"]),
    ('draft_wait(names["status"], "gone");', ["gone"]),
    ('static const char *const why[] = { "the disk is full", "ENOSPC" };', ["the disk is full"]),
    ('return "no answer yet";', ["no answer yet"]),
    ('buffer_add(&text, "<p>Nothing here</p>");', ["<p>Nothing here</p>"]),
    ('buffer_add(&text, "<p class=\\"made here\\">");', []),
    ('prepare(db, "SELECT value FROM meta where key = ?");', []),
    ('if (!strcmp(text, "not found yet"))', []),
    ('http_request_add_header(request, "Content-Type: application/json");', []),
    ('json_get(tree, "first_frame"); // "a comment is none"', []),
    ('#include "a file.h"\nchar c = \'"\'; int r = f("x");', []),
])
def test_literals(tmp_path, source, expected):
    assert [text for _, text in listed(tmp_path, source + "\n")] == expected


def test_lines_are_those_of_the_source(tmp_path):
    source = '#include "b.h"\n\n/* two\n * lines */\nint f(void)\n{\n\tlog_warn("event=x");\n}\n'
    assert listed(tmp_path, source) == [["backend/a.c:7", "event=x"]]


def test_scripts(tmp_path):
    shell = 'echo "a.sh: unknown argument $1" >&2\ncat <<EOF\n\nType this:\nEOF\n'
    assert [text for _, text in listed(tmp_path / "shell", shell, "scripts/a.sh")] == ["a.sh: unknown argument $1", "Type this:"]
    python = '#!/usr/bin/env python3\nprint(f"{name}: too long")\nx = "not shown"\n'
    assert [text for _, text in listed(tmp_path / "python", python, "scripts/check")] == ["{}: too long"]


def test_every_printf_like_function_is_in_a_table():
    assert run("--check") == ""


@pytest.mark.parametrize("declaration", [
    "void shout(int level, const char *format, ...)\n\t__attribute__((format(printf, 2, 3)));",
    "__attribute__((format(printf, 1, 2))) static int shout(const char *format, ...)\n{\n}",
])
def test_a_new_printf_like_function_is_noticed(tmp_path, declaration):
    (tmp_path / "fs").mkdir()
    (tmp_path / "fs/a.h").write_text(declaration + "\n")
    assert "shout: is printf-like, and neither in MESSAGES nor in OTHER_PRINTF" in run("--check", str(tmp_path), expected=1)
