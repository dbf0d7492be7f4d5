"""Runs a command that cannot create its own mount: the kernel refuses open_tree(), as in a
container or on an old kernel. It needs root: an ordinary user's filter would take away the
privileges of fusermount3; root's filter does not, whichever user the command runs as.

usage: refusing.py USER COMMAND…
"""

import ctypes
import os
import pwd
import struct
import sys

OPEN_TREE = 428  # on all architectures
EPERM = 1
PR_SET_SECCOMP, FILTER = 22, 2
LOAD_NUMBER, IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | EPERM


def refuse():
    steps = [(LOAD_NUMBER, 0, 0, 0), (IF_EQUAL, 0, 1, OPEN_TREE), (RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, FILTER, ctypes.c_char_p(program), 0, 0):
        raise OSError(ctypes.get_errno(), "no filter")


def become(name):
    user = pwd.getpwnam(name)
    os.setgroups([user.pw_gid])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


if __name__ == "__main__":
    refuse()
    become(sys.argv[1])
    os.execvp(sys.argv[2], sys.argv[2:])
