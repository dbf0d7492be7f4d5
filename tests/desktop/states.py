"""Task folders in every state, and checks of what happens to them."""

import os

from desk import ORDERED
from harness import PNG, control, field, make_media, state, status, task_id, wait_for, wait_state

# `status` shows these as `pending`: held by a file, by another shot, or by a limit.
UNSENT = ("held", "waiting", "limited")
ENDED = ("succeeded", "failed", "expired", "cancelled", "invalid", "unknown")
# At the service or being sent; they stay in that state.
UNDER_WAY = ("queued", "running", "submitting")
STATES = (*UNSENT, *ENDED, *UNDER_WAY)


def word(phase):
    """The first line of the folder's `status`."""
    return "pending" if phase in UNSENT else phase


class Folders:
    """One folder for each state below a folder of the desk's mount; paths and task ids by the name
    of the state."""

    def __init__(self, desk, where, phases=STATES):
        self.desk, self.label = desk, desk.count
        self.video = make_media(desk.directory / "video", 100_000)
        (desk.directory / "frame.png").write_bytes(PNG)
        self.media = {"video": str(self.video), "last_frame": str(desk.directory / "frame.png")}
        self.paths = {phase: where / phase for phase in phases}
        where.mkdir(parents=True, exist_ok=True)
        self._make(where, [phase for phase in phases if phase not in ("unknown", "submitting")])
        # A fault applies to the next request, whichever task it belongs to.
        for phase, fault in (("unknown", {"close": "after"}), ("submitting", {"hang": "after"})):
            if phase in phases:
                desk.simulator.fault("create", fault)
                self._make(where, [phase])
        self.ids = {phase: task_id(path) for phase, path in self.paths.items()}

    def __getitem__(self, phase):
        return self.paths[phase]

    def items(self):
        return self.paths.items()

    def prompt(self, phase):
        return f"A fox that is {phase}, {self.label}"

    def _text(self, phase):
        return self.prompt(phase) + (" --dur 30\n" if phase == "invalid" else "\n")

    def _make(self, where, phases):
        if "limited" in phases:
            self.desk.fill()
        for phase in phases:
            path = where / phase
            path.mkdir()
            if phase == "held":
                (path / "hold").touch()
            if phase == "waiting":
                os.symlink("../queued/last_frame.png", path / "first_frame.png")
            if phase == "limited":
                (path / "request.json").write_text('{"provider": "full"}\n')
            (path / "prompt.txt").write_text(self._text(phase))
            if phase != "held":
                control(path, "submit")
        for phase in phases:
            self._bring(phase, where / phase)
        for phase in phases:
            wait_state(where / phase, word(phase))

    def _bring(self, phase, path):
        """Brings a queued task into its state."""
        if phase in ("running", "succeeded", "failed", "expired", "cancelled"):
            decree = {"state": phase}
            if phase == "running":
                decree["hold"] = phase
            if phase == "succeeded":
                decree["media"] = self.media
            if phase == "failed":
                decree["error"] = {"code": "InternalServiceError", "message": "no luck"}
            self.desk.simulator.decree(wait_for(lambda: task_id(path)), **decree)
        if phase == "submitting":
            wait_for(lambda: self.prompt(phase) in self.desk.texts(), "it came to the service")
        if phase == "held":  # a folder with recent changes shows no task.json
            wait_for((path / "task.json").exists, f"{path}/task.json")
        if phase in ("waiting", "limited"):
            why = {"waiting": "../queued", "limited": "max_active"}[phase]
            wait_for(lambda: why in (field(path, "waiting") or ""), f"{path} waits for {why}")

    def at_service(self, phase):
        """The state of this folder's task at the service."""
        return {task["prompt"]: task["state"] for task in self.desk.simulator.tasks()}[self.prompt(phase)]

    def check_same(self, phase, path):
        """Checks that the path holds the same task in the same state."""
        assert state(path) == word(phase) and task_id(path) == self.ids[phase], status(path)
        assert (path / "prompt.txt").read_text() == self._text(phase)
        if phase == "succeeded":
            assert (path / "video.mp4").read_bytes() == self.video.read_bytes()

    def check_copied(self, phase, path):
        """Checks that the path holds copied files only, and nothing that the mount adds. Its
        task.json may have changed during the copy."""
        tree = self.desk.mount.library / "tree" / path.relative_to(self.desk.path)
        assert (tree / "status").read_text().startswith(word(phase) + "\n")
        assert (tree / "task.json").exists() or phase in UNDER_WAY
        assert (path / "prompt.txt").read_text() == self._text(phase)
        if phase == "succeeded":
            assert (path / "video.mp4").read_bytes() == self.video.read_bytes()
            assert (path / "last_frame.png").read_bytes() == PNG
        if phase == "waiting":
            assert os.readlink(path / "first_frame.png") == "../queued/last_frame.png"

    def check_all_the_same(self):
        for phase, path in self.items():
            self.check_same(phase, path)

    def check_each_goes_on(self, before, *more):
        """Checks that nothing was ordered since. Then releases each unsent folder, which is sent
        once (as is `more`), and checks that the daemon still polls the tasks at the service."""
        simulator = self.desk.simulator
        texts = self.desk.texts()
        assert [text for text in texts if text not in more] == before, texts
        (self["held"] / "hold").unlink()
        simulator.decree(task_id(self.desk.filler), state="failed")
        simulator.clear_faults()  # pending requests go on
        if "running" in self.paths:
            simulator.decree(self.ids["running"], state="failed")
            wait_state(self["running"], "failed")
        if "submitting" in self.paths:
            wait_state(self["submitting"], "queued")
        simulator.decree(self.ids["queued"], state="succeeded", media=self.media)
        for phase in UNSENT:
            wait_state(self[phase], *ORDERED)
        self.desk.check_marker([*before, *map(self.prompt, UNSENT), *more])

    def check_gone(self, before):
        """Checks that removed folders are not ordered. The daemon cancels their tasks where the
        service can; this service cannot cancel running ones. A request in flight is cancelled once
        its id is known."""
        simulator = self.desk.simulator
        simulator.clear_faults()  # pending requests go on
        for phase in ("queued", "submitting"):
            wait_for(lambda: self.at_service(phase) == "cancelled", f"{phase}: cancelled")
        assert self.at_service("running") == "running"
        simulator.decree(task_id(self.desk.filler), state="failed")  # frees the slot
        self.desk.check_marker(before)
        assert simulator.creates() == len(before) + 1
