"""Reports what happens to the files of a folder, by any process. It calls inotify itself, which
Python's library lacks."""

import ctypes
import os
import struct

EVENTS = {0x1: "access", 0x2: "modify", 0x8: "close_write", 0x10: "close_nowrite", 0x40: "moved_from", 0x80: "moved_to",
          0x100: "create", 0x200: "delete"}
IN_NONBLOCK, IN_CLOEXEC = 0x800, 0x80000
libc = ctypes.CDLL(None, use_errno=True)


class Watcher:
    """Watches from now on: events() are (what, name), in order, and repetitions count once."""

    def __init__(self, folder):
        self.fd = libc.inotify_init1(IN_NONBLOCK | IN_CLOEXEC)
        assert self.fd >= 0, os.strerror(ctypes.get_errno())
        r = libc.inotify_add_watch(self.fd, os.fsencode(folder), sum(EVENTS))
        assert r >= 0, os.strerror(ctypes.get_errno())
        self.seen = []

    def take(self):
        try:
            data = os.read(self.fd, 1 << 16)
        except BlockingIOError:
            return
        while data:
            _watch, mask, _cookie, length = struct.unpack("iIII", data[:16])
            name = os.fsdecode(data[16:16 + length].rstrip(b"\0"))
            what = EVENTS.get(mask & sum(EVENTS))
            if what and name and self.seen[-1:] != [(what, name)]:
                self.seen.append((what, name))
            data = data[16 + length:]

    def events(self, *kinds):
        self.take()
        return [event for event in self.seen if not kinds or event[0] in kinds]

    def was_read(self, name):
        """True if the file was read and then closed."""
        events = [what for what, whose in self.events() if whose == name]
        return "access" in events and "close_nowrite" in events[events.index("access"):]

    def close(self):
        os.close(self.fd)
