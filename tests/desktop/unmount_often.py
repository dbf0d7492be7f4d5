"""Mounts, makes orders and unmounts at once, many times; prints how many unmounts were refused.

usage: unmount_often.py DIRECTORY TIMES
"""

import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from harness import Mount, PATIENCE, Simulator, is_root, run, wait_for


def unmount(mount):
    return run(*(["umount"] if is_root() else ["fusermount3", "-u"]), mount.path, check=False)


def main(directory, times):
    simulator = Simulator(directory)
    mount = Mount(directory, simulator, settle=60)
    moments, refused = random.Random(5), []
    for turn in range(times):
        mount.start()
        for n in range(moments.randrange(1, 6)):
            folder = mount.path / f"{turn}-{n}"
            folder.mkdir()
            (folder / "prompt.txt").write_text("A kitten\n")
        first = unmount(mount)
        if first.returncode:
            refused.append((turn, first.stderr))
            wait_for(lambda: unmount(mount).returncode == 0, "the unmounting", timeout=PATIENCE / 4)
        if mount.process.wait(PATIENCE):
            sys.exit(f"turn {turn}: the daemon ended badly\n{mount.log()}")
    mount.check_log()
    simulator.stop()
    # Without its own mount, the announcer keeps the mount busy for a moment; each unmount succeeded
    # in the end.
    if refused and "own_mount=no" not in mount.log():
        sys.exit(f"refused {len(refused)} of {times} times: {refused[:5]}")
    print(f"refused {len(refused)} of {times} times")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
