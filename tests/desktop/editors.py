"""Real editors, each used through a terminal as a person would.

A test opens an editor on a file, replaces the text, saves it (any number of times), and quits. The
result of a save is the screen after the editor has reported it.
"""

import os
import re

from terminal import Terminal

# What the screens show after a save has succeeded or failed.
VIM_SAID = r"\d+L, \d+B written|E\d+:|W\d+:"
NANO_SAID = r"\[ Wrote \d+ line|\[ Error writing|\[ Error (reading|opening)|\[ .*(denied|No space|Invalid argument|unwritable).*\]"
EMACS_SAID = r"Wrote /\S+|[Dd]enied|No space|Invalid argument|[Ss]ave anyway|write-protected|IO error|Opening output file"


class Editor:
    """`shown` is the screen after the last save."""

    def __init__(self, path, *command, home):
        os.makedirs(home / "tmp", exist_ok=True)
        self.path, self.home, self.shown = path, home, ""
        self.terminal = Terminal(*command, cwd=path.parent, env={"HOME": str(home), "TMPDIR": str(home / "tmp")})

    def __enter__(self):
        self.begin()
        return self

    def __exit__(self, kind, value, traceback):
        try:
            if kind is None:
                self.leave()
                self.terminal.wait_end()
        finally:
            self.terminal.__exit__()

    def was_refused(self):
        return not re.search(r"B written|Wrote", self.shown)


class Vim(Editor):
    def __init__(self, path, home, settings=(), program="vim"):
        rc = home / "vimrc"
        # vim makes no backups below /tmp; the tests need those of a folder at home.
        rc.write_text("\n".join(["set nocompatible backupskip= shortmess+=A nomore", *settings]) + "\n")
        super().__init__(path, program, "-u", rc, "-i", "NONE", path.name, home=home)

    def begin(self):
        self.terminal.wait_for(rf"(?m)^~|{re.escape(self.path.name)}")  # the name disappears when the screen is redrawn

    def replace(self, text):
        self.terminal.type(f"\x1bggdGi{text}\x1b")
        self.terminal.wait_for(re.escape(text))

    def save(self, command="w"):
        self.terminal.type("\x1b:echo\r")  # the message line is empty again
        self.terminal.wait_for(r"\n\s*$|^[^\n]*(\n~?)*$")
        self.terminal.type(f":{command}\r")
        self.shown = self.terminal.wait_for(VIM_SAID + r"|\(y/n\)\?")
        if "(y/n)?" in self.shown:  # the file has changed since nano read it
            self.terminal.type("y")
            self.shown = self.terminal.wait_for(VIM_SAID)
        if "Press ENTER" in self.shown:
            self.terminal.type("\r")
        return self.shown

    def leave(self):
        self.terminal.type("\x1b:qa!\r")


class Nano(Editor):
    def __init__(self, path, home):
        super().__init__(path, "nano", "--ignorercfiles", path.name, home=home)

    def begin(self):
        self.terminal.wait_for(r"\^X Exit")

    def replace(self, text):
        self.terminal.type("\x1b\\" + "\x0b" * 8 + text)  # go to the top, cut lines
        self.terminal.wait_for(re.escape(text))

    def save(self):
        self.terminal.type("\x0f")
        self.terminal.wait_for("File Name to Write|Write to File")
        self.terminal.type("\r")
        self.shown = self.terminal.wait_for(NANO_SAID)
        return self.shown

    def leave(self):
        self.terminal.type("\x18")
        while not self.terminal.has_ended():
            if re.search("Save modified buffer", self.terminal.text()):
                self.terminal.type("n")
                return
            self.terminal.read(0.05)


class Emacs(Editor):
    def __init__(self, path, home):
        # -Q, but with backups as in a folder at home: /tmp has none.
        super().__init__(path, "emacs", "-nw", "-Q", "--eval", "(setq backup-enable-predicate #'always)", path.name, home=home)

    def begin(self):
        self.terminal.wait_for(rf"-+\s*{re.escape(self.path.name)}|{re.escape(self.path.name)}\s+(All|Top)")

    def replace(self, text):
        self.terminal.type("\x1b<\x00\x1b>\x17" + text)
        self.terminal.wait_for(re.escape(text))

    def save(self):
        self.terminal.type("\x07")
        self.terminal.wait_for("Quit")
        self.terminal.type("\x18\x13")
        self.shown = self.terminal.wait_for(EMACS_SAID)
        if "(y, n" in self.shown or "(y or n" in self.shown or "Save anyway? (yes or no)" in self.shown:
            self.terminal.type("yes\r" if "(yes or no)" in self.shown else "y")
            self.shown += "\n" + self.terminal.wait_for(r"Wrote /\S+|[Dd]enied|No space|Invalid argument|IO error")
        return self.shown

    def leave(self):
        self.terminal.type("\x07")
        self.terminal.wait_for("Quit")
        self.terminal.type("\x18\x03")
        while not self.terminal.has_ended():
            text = self.terminal.text()
            if "anyway? (yes or no)" in text:
                self.terminal.type("yes\r")
            elif "(y, n, !" in text or "Save file" in text:
                self.terminal.type("n")
            self.terminal.read(0.2)
