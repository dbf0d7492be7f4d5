"""What a person sees when a program cannot write a file: for each situation and program, and then
in the folder.
"""

import re

import programs
from editors import Emacs, Nano, Vim

EDITORS = {
    "vim": Vim,
    "vim, backupcopy=yes": lambda path, home: Vim(path, home, ["set backupcopy=yes"]),
    "nano": Nano,
    "emacs": Emacs,
}
# Programs that change an existing file; "$1" has the new text, "$2" is the file.
CHANGERS = {
    "sed -i": 'sed -i "s/.*/$(cat "$1")/" "$2"',
    "perl -i": 'NEW=$(cat "$1") perl -i -pe \'s/.*/$ENV{NEW}/\' "$2"',
    "VS Code's way": 'python3 -c "import os, sys; fd = os.open(sys.argv[2], os.O_RDWR); os.ftruncate(fd, 0)\n'
                     'os.write(fd, open(sys.argv[1], \'rb\').read()); os.fsync(fd); os.close(fd)" "$1" "$2"',
}
WRITERS = {**programs.FILE, **CHANGERS}


def by_program(desk, program, outside, target, text):
    """Returns (whether the program reports a failure, all its output)."""
    source = outside / target.name
    source.write_text(text + "\n")
    done = desk.shell(WRITERS[program], source, target, check=False)
    return done.returncode != 0, tidy(done.stdout + done.stderr, source, target)


def by_editor(desk, editor, target, text):
    with EDITORS[editor](target, desk.home) as open_editor:
        open_editor.replace(text)
        open_editor.save()
        lines = [line.strip() for line in open_editor.shown.splitlines()]
        said = [line for line in lines if re.search(r"E\d+:|\[ |WARNING|don't quit|denied|No space|Invalid|written|Wrote|IO error", line)]
        return open_editor.was_refused(), tidy("\n".join(said), target, target)


def by(desk, writer, outside, target, text):
    if writer in EDITORS:
        return by_editor(desk, writer, target, text)
    return by_program(desk, writer, outside, target, text)


def tidy(text, source, target):
    """Removes the paths of the test."""
    for path, name in ((target, target.name), (source, target.name), (target.parent, "FOLDER"), (source.parent, "SOURCE")):
        text = text.replace(str(path), name)
    return re.sub(r"\n\s*\n+", "\n", re.sub(r"bash: line \d+: ", "bash: ", text)).strip()
