"""The stage of a measurement: the files, the server, the players, and their turns."""

import os
import pathlib
import shutil
import subprocess
import sys

import harness
from meter import MIB, seconds
from players import make_players
from server import LATENCY_MS, Nginx, narrow

# The ways to reach the videos: the latency of a request, and the rate of the link.
LINKS = {"0 ms": (0, None), f"{LATENCY_MS} ms": (LATENCY_MS, None), "1 Gbit/s": (0, "1gbit"),
         "100 Mbit/s": (0, "100mbit")}
STREAMS = 8
LISTED = 100


class Files:
    """The server's files, and a copy of each on the local disk, created on demand."""

    def __init__(self, directory, www):
        self.copies, self.www = directory / "local", www
        self.copies.mkdir()

    def local(self, path):
        """The copy of the server's file at this path (or at another of its names)."""
        return self.copies / {"streams": "1024.mp4", "list": "1.mp4"}.get(path.split("/")[0], path)

    def add(self, path, make):
        if not (self.www / path).exists():
            make(self.copies / path)
            seconds("sync", self.copies / path)  # only pages that are on disk can be dropped
            seconds("cp", self.copies / path, self.www / path)
        return path

    def random(self, mib):
        """A file of that many MiB that does not compress, after an MP4 header."""
        def make(path):
            harness.make_media(path, MIB)
            with open(path, "ab") as file:
                subprocess.run(["head", "-c", str((mib - 1) * MIB), "/dev/urandom"], stdout=file, check=True)
        return self.add(f"{mib}.mp4", make)

    def indexed_at_the_end(self):
        """A video of about 20 MB with its index after the pictures."""
        def make(path):
            seconds("ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                        "testsrc2=size=1280x720:rate=24:duration=10,noise=alls=30:allf=t", "-c:v", "mpeg4", "-b:v",
                        "16M", "-maxrate", "16M", "-bufsize", "8M", path)
        return self.add("video.mp4", make)

    def names(self, folder, count, mib):
        """Several names of one file: different videos to all but the server's disk."""
        source = self.www / self.random(mib)
        (self.www / folder).mkdir(exist_ok=True)
        paths = [f"{folder}/{n:03}/video.mp4" for n in range(count)]
        for path in paths:
            (self.www / path).parent.mkdir(exist_ok=True)
            if not (self.www / path).exists():
                os.link(source, self.www / path)
        return paths


class Stage:
    def __init__(self, stack, directory, runs, can_narrow):
        self.directory, self.runs, self.can_narrow = pathlib.Path(directory), runs, can_narrow
        self.server = Nginx(self.directory)
        stack.callback(self.server.end)
        self.files = Files(self.directory, self.server.www)
        self.players = make_players(stack, self.directory, self.server, self.files)
        self.has_failed = False

    def free_gib(self):
        return shutil.disk_usage(self.directory).free / (1 << 30)

    def attempt(self, name, action):
        """The figures of an action; None after a failure, which is printed."""
        try:
            return action()
        except (OSError, AssertionError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
            self.has_failed |= name == "ours"
            print(f"bench: {name}: {error}", file=sys.stderr)
            return None

    def turns(self, n, rounds):
        """The players of this run: ours and curl alternate in going first; the others may have fewer runs."""
        names = [name for name in self.players if n < rounds.get(name, self.runs)]
        return names if n % 2 else [*names[1::-1], *names[2:]]

    def sample(self, path, action, link="0 ms", names=None, rounds=None):
        """Returns {figure: {player: [values]}} of `action(reader, player's name)`, which returns
        {figure: value}."""
        latency_ms, rate = LINKS[link]
        results = []

        def one(name):
            with self.players[name].video(path, latency_ms) as reader, narrow(rate):
                return action(reader, name)

        for n in range(self.runs):
            for name in self.turns(n, rounds or {}):
                if names is None or name in names:
                    results.append((name, self.attempt(name, lambda: one(name))))
        return by_figure(results)


def by_figure(results):
    """Turns [(player, {figure: value})] into {figure: {player: [values]}}; a failed player failed
    in every figure."""
    samples = {figure: {} for _, result in results for figure in result or ()}
    for name, result in results:
        for figure, values in samples.items():
            if result is None or figure in result:
                values.setdefault(name, []).append(result[figure] if result else None)
    return samples
