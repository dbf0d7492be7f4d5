"""A terminal that runs a program: what a person types, and what the screen shows."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import pyte

import harness


class Terminal:
    """Reads the screen as a person does, until it shows the expected text."""

    def __init__(self, *command, cwd=None, env=None, rows=24, columns=160):
        self.command = [str(part) for part in command]
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd or "/")
            os.execvpe(self.command[0], self.command, {**os.environ, "TERM": "linux", "LC_ALL": "C.UTF-8", **(env or {})})
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def read(self, seconds=0.0):
        """True if output came or the program ended."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the other side is closed
            return True
        self.stream.feed(data)
        return True

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display).strip("\n")

    def type(self, keys):
        data = keys.encode()
        while data:
            data = data[os.write(self.fd, data):]

    def wait_for(self, pattern):
        """Waits until the text on the screen matches; returns it."""
        end = time.monotonic() + harness.PATIENCE
        while not re.search(pattern, self.text()):
            if time.monotonic() > end:
                raise AssertionError(f"{self.command}: /{pattern}/ is not on the screen:\n{self.text()}")
            self.read(0.1)
        return self.text()

    def has_ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def wait_end(self):
        """Returns the exit status."""
        end = time.monotonic() + harness.PATIENCE
        while not self.has_ended():
            assert time.monotonic() < end, f"{self.command} goes on:\n{self.text()}"
            self.read(0.02)
        while self.read(0.0):
            try:
                fcntl.ioctl(self.fd, termios.TIOCOUTQ, b"\0\0\0\0")
            except OSError:
                pass
            break
        return self.status
