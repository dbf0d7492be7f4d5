"""The examples of the README, unchanged."""

import os
import re
import subprocess

import pytest

from harness import ROOT, die_with_parent, wait_for


def example(beginning):
    """Returns the block of shell that begins so."""
    found = [block for block in re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
             if block.startswith(beginning)]
    assert len(found) == 1
    return found[0]


@pytest.fixture
def player(tmp_path):
    """A program called mpv that records what it is told to play, and reads its standard input as mpv does."""
    programs, played = tmp_path / "programs", tmp_path / "played"
    programs.mkdir()
    played.touch()
    (programs / "mpv").write_text(f'#!/bin/sh\ncat >/dev/null\necho "$1" >> "{played}"\n')
    (programs / "mpv").chmod(0o755)
    return programs, played


def test_a_command_runs_for_each_video(mount, tmp_path, player):
    """This includes folders that are created later: each is an order."""
    programs, played = player
    (mount.path / "there before").mkdir()
    shell = subprocess.Popen(
        ["bash", "-c", example("inotifywait").replace("~/Seedance", str(mount.path))], start_new_session=True,
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}, stderr=subprocess.PIPE, text=True,
        preexec_fn=die_with_parent)
    try:
        for line in shell.stderr:
            if "Watches established" in line:
                break
        (mount.path / "there before" / "prompt.txt").write_text("A kitten")
        mount.folder("new")
        mount.folder("film/scene 1/shot-1")
        expected = sorted(f"{mount.path}/{name}/video.mp4" for name in ("there before", "new", "film/scene 1/shot-1"))
        wait_for(lambda: len(played.read_text().splitlines()) >= 3, "all three")
        assert sorted(played.read_text().splitlines()) == expected, "each once, and nothing else"
    finally:
        os.killpg(shell.pid, 15)
        shell.wait()
        shell.stderr.close()
