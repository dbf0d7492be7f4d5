"""A row: the result of each player, ours in comparison, the target, and whether it is met. Printed
as Markdown."""

import statistics

from players import NAMES, PEERS

FORMATS = {"MB/s": "{:.0f}", "ms": "{:.2f}", "MB": "{:.2f}", "MiB": "{:.1f}", "x": "{:.2f}", "s": "{:.2f}", "": "{:g}"}


class Target:
    """A minimum or maximum, relative to another player's figure, or absolute in the row's unit."""

    def __init__(self, against=None, at_least=None, at_most=None):
        self.against, self.at_least, self.at_most = against, at_least, at_most

    def text(self):
        bound = f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"
        return f"{bound} × {self.against}" if self.against else bound

    def is_met(self, value):
        return value >= self.at_least if self.at_least is not None else value <= self.at_most


class Row:
    """`samples` is {player: [values]}; None is a failed measurement."""

    def __init__(self, what, unit, samples, *targets, is_better="less"):
        self.what, self.unit, self.samples, self.targets = what, unit, samples, targets
        self.best = max if is_better == "more" else min

    def figure(self, name):
        values = [value for value in self.samples.get(name, ()) if value is not None]
        return statistics.median(values) if values else None

    def cell(self, name):
        values = self.samples.get(name)
        if not values:
            return "–"
        if all(value is None for value in values):
            return "failed"
        text = FORMATS[self.unit].format(self.figure(name))
        failed = sum(value is None for value in values)
        return f"{text} ({failed} of {len(values)} failed)" if failed else text

    def rival(self, against):
        """The player that a target refers to; "best peer" is the best of the peers."""
        if against != "best peer":
            return against
        figures = {name: self.figure(name) for name in PEERS if self.figure(name) is not None}
        return self.best(figures, key=figures.get) if figures else None

    def ratio(self, against):
        """The ratio by pairs if both have all runs, since the machine's speed drifts; otherwise
        that of the medians."""
        ours, theirs = self.samples.get("ours", []), self.samples.get(self.rival(against), [])
        pairs = [(a, b) for a, b in zip(ours, theirs) if a is not None and b]
        if not pairs:
            return None
        if len(ours) == len(theirs):
            return statistics.median(a / b for a, b in pairs)
        return self.figure("ours") / statistics.median(b for _, b in pairs)

    def judgements(self):
        """For each target: the ratio as text, the target, and whether it is met (None: unknown)."""
        for target in self.targets:
            value = self.ratio(target.against) if target.against else self.figure("ours")
            has_failed = None in self.samples.get("ours", [None])
            ratio = "–" if value is None or not target.against else f"{value:.2f}"
            met = False if has_failed else None if value is None else target.is_met(value)
            yield ratio, target.text(), met

    def line(self):
        judgements = list(self.judgements())
        words = {True: "yes", False: "**no**", None: "?"}
        what = f"{self.what}, {self.unit}" if self.unit else self.what
        cells = [what, *map(self.cell, NAMES), "; ".join(ratio for ratio, _, _ in judgements),
                 "; ".join(text for _, text, _ in judgements), "; ".join(words[met] for _, _, met in judgements)]
        return "| " + " | ".join(cells) + " |"


def print_table(rows):
    titles = ["what", *NAMES, "ratio", "target", "met"]
    print("| " + " | ".join(titles) + " |")
    print("|" + "---|" * len(titles))
    for row in rows:
        print(row.line())
