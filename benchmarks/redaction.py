"""Precision and recall of redaction, by kind, on the sentences of tests/tickets/redaction_sentences.txt.

    python benchmarks/redaction.py

A third of the sentences, drawn by checksum, was held out while the patterns were written (lines with "~").
The part "fresh" is redaction_sentences_fresh.txt, written without a look at the patterns of redaction 2;
redaction 3 was mended after the first look at it, which docs/benchmarks.md tells.
Recall is the share of marked stretches that are replaced from end to end, whatever the placeholder; precision
the share of replacements that lie within a marked stretch of any kind. Intervals are Wilson's at 95 %. With
--export, counts what is replaced in a CSV, JSON, XLSX or Parquet file and shows samples.
"""

import argparse
import random
import re
from collections import defaultdict
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ticketkin.tickets.cleaning import clean_text
from ticketkin.tickets.reading import read_table
from ticketkin.tickets.redaction import REDACTION_VERSION, Redactor, recognised_kinds

SENTENCES = Path(__file__).parents[1] / "tests/tickets/redaction_sentences.txt"
FRESH_SENTENCES = SENTENCES.with_stem("redaction_sentences_fresh")
_MARK = re.compile(r"⟦(\w+):(.*?)⟧", re.DOTALL)


@dataclass(frozen=True)
class Sentence:
    """A text, and the stretches of it that must be replaced: (start, end, kind)."""

    text: str
    language: str
    spans: tuple[tuple[int, int, str], ...]
    held_out: bool


@dataclass
class Score:
    """Counts of one kind."""

    n_marked: int = 0
    n_replaced: int = 0
    n_right: int = 0
    n_wrong: int = 0
    misses: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Share of marked stretches that are gone."""
        return self.n_replaced / self.n_marked if self.n_marked else 1.0

    @property
    def precision(self) -> float:
        """Share of replacements that were asked for."""
        total = self.n_right + self.n_wrong
        return self.n_right / total if total else 1.0


def read_sentences(path: Path = SENTENCES) -> list[Sentence]:
    """Return the sentences of a file with marks."""
    sentences = []
    language = ""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("#"):
            language = line[3:].strip() if line.startswith("## ") else language
        elif line:
            sentences.append(_sentence(line, language))
    return sentences


def _sentence(line: str, language: str) -> Sentence:
    marked = line.removeprefix("~ ").replace("⏎", "\n")
    text, spans, end = "", [], 0
    for mark in _MARK.finditer(marked):
        text += marked[end : mark.start()]
        spans.append((len(text), len(text) + len(mark[2]), mark[1]))
        text += mark[2]
        end = mark.end()
    return Sentence(text + marked[end:], language, tuple(spans), held_out=line.startswith("~ "))


def score(sentences: list[Sentence], redactor: Redactor | None = None) -> dict[str, Score]:
    """Return the counts by kind, and under "all"."""
    redactor = redactor or Redactor()
    scores: dict[str, Score] = defaultdict(Score)
    for sentence in sentences:
        replaced = redactor.replacements(sentence.text)
        covered = {place for r in replaced for place in range(r.start, r.end)}
        for start, end, kind in sentence.spans:
            gone = all(place in covered or sentence.text[place].isspace() for place in range(start, end))
            for name in (kind, "all"):
                scores[name].n_marked += 1
                scores[name].n_replaced += gone
            if not gone:
                scores[kind].misses.append(f"missed: {sentence.text!r}")
        for r in replaced:
            # Punctuation at the end of a stretch may go with it.
            right = any(s <= r.start and r.end <= e + 1 for s, e, _ in sentence.spans)
            for name in (r.kind.name, "all"):
                scores[name].n_right += right
                scores[name].n_wrong += not right
            if not right:
                scores[r.kind.name].misses.append(
                    f"eaten: {sentence.text[r.start : r.end]!r} in {sentence.text!r}"
                )
    return dict(scores)


def wilson(n_right: int, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share."""
    if n == 0:
        return 0.0, 1.0
    z, p = 1.96, n_right / n
    centre, half = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)


def _share(n_right: int, n: int) -> str:
    low, high = wilson(n_right, n)
    return f"{n_right}/{n}  {n_right / n:.3f} [{low:.3f}, {high:.3f}]" if n else "-"


def show(title: str, scores: dict[str, Score], console: Console) -> None:
    """Print one table of scores."""
    table = Table("kind", "recall", "precision", title=title)
    for name in [*(kind.name for kind in recognised_kinds()), "all"]:
        s = scores.get(name, Score())
        table.add_row(name, _share(s.n_replaced, s.n_marked), _share(s.n_right, s.n_right + s.n_wrong))
    console.print(table)


def examine(path: Path, n_samples: int, console: Console) -> None:
    """Count replacements in the texts of an export and show samples of each kind with what was replaced."""
    redactor = Redactor()
    frame = read_table(path).frame
    samples: dict[str, list[str]] = defaultdict(list)
    for row in frame.iter_rows():
        for cell in row:
            text = clean_text(cell) if isinstance(cell, str) else ""
            for r in redactor.replacements(text) if text else ():
                around = text[max(0, r.start - 45) : r.start], text[r.start : r.end], text[r.end : r.end + 20]
                samples[r.kind.name].append("{}⟦{}⟧{}".format(*around).replace("\n", "⏎"))
    console.print(f"{path}: {frame.height:,} rows", {kind: len(lines) for kind, lines in samples.items()})
    for kind, lines in samples.items():
        console.rule(kind)
        for line in random.Random(0).sample(lines, min(n_samples, len(lines))):
            console.print(Text(line), soft_wrap=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tuned-only", action="store_true", help="leave the held-out third unread")
    parser.add_argument("--misses", action="store_true", help="list what was missed or eaten")
    parser.add_argument("--export", type=Path, help="count replacements in a real export instead")
    parser.add_argument("--samples", type=int, default=60)
    arguments = parser.parse_args()
    console = Console()
    if arguments.export:
        examine(arguments.export, arguments.samples, console)
        return
    sentences = read_sentences()
    parts = {
        "tuned": [s for s in sentences if not s.held_out],
        "held out": [s for s in sentences if s.held_out],
        "all": sentences,
        "fresh": read_sentences(FRESH_SENTENCES),
    }
    for title, part in parts.items():
        if arguments.tuned_only and title != "tuned":
            continue
        scores = score(part)
        n_innocent = sum(not s.spans for s in part)
        show(
            f"{title}: {len(part)} sentences, {n_innocent} innocent; redaction {REDACTION_VERSION}",
            scores,
            console,
        )
        if arguments.misses:
            for s in scores.values():
                for line in s.misses:
                    console.print(Text(line), soft_wrap=True)


if __name__ == "__main__":
    main()
