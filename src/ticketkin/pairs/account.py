"""The account of training and test pairs: every pair of a file is used, or left out for a stated reason.

It stands in pairs.json, in report.json and beside every model that was trained on the pairs.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from ticketkin.core.tables import IntArray, SplitName
from ticketkin.core.wording import number_of
from ticketkin.pairs.settings import BY_DEFAULT, SILVER_SOURCES

PhasesFrom = Literal["measured", "file", "bands", "categories"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class LabelCounts(_Part):
    """How many pairs of each label."""

    kin: int = 0
    strangers: int = 0

    @classmethod
    def of(cls, labels: IntArray) -> "LabelCounts":
        """Count labels, 1 kin and 0 strangers."""
        return cls(kin=int((labels == 1).sum()), strangers=int((labels == 0).sum()))

    @classmethod
    def sum(cls, parts: Iterable["LabelCounts"]) -> "LabelCounts":
        """Add counts."""
        listed = list(parts)
        return cls(kin=sum(part.kin for part in listed), strangers=sum(part.strangers for part in listed))

    @property
    def total(self) -> int:
        """Pairs of either label."""
        return self.kin + self.strangers

    def __str__(self) -> str:
        return f"{self.kin:,} kin and {number_of(self.strangers, 'stranger')}"


class LeftOutPairs(_Part):
    """Pairs of a file that no split uses."""

    file: Literal["training", "test"]
    reason: str
    """Continues 'so many pairs …'."""
    counts: LabelCounts


class DrawnCount(_Part):
    """Pairs that one source gave a split, or the pairs that folds judge by."""

    split: SplitName | Literal["folds"]
    source: str
    counts: LabelCounts
    reason: str = ""
    """Why they were drawn beside the pairs of a file; empty where the setting names the source."""


class GivenAccount(_Part):
    """What became of the pairs of the files. Raises ValueError where a pair is neither used nor left out."""

    training: LabelCounts
    """In the file of training pairs."""
    test: LabelCounts
    """In the file of test pairs; zero without one."""
    used: dict[SplitName, LabelCounts]
    """By the split that both tickets lie in; where folds judge, test pairs alone."""
    in_folds: LabelCounts | None = None
    """What folds train on and judge by, whichever split the tickets lie in; null where a split judges."""
    left_out: list[LeftOutPairs]

    def model_post_init(self, _: object) -> None:
        """Check that the counts add up."""
        read = LabelCounts.sum([self.training, self.test])
        by_folds = [] if self.in_folds is None else [self.in_folds]
        left_out = [part.counts for part in self.left_out]
        counted = LabelCounts.sum([*self.used.values(), *by_folds, *left_out])
        if read != counted:
            raise ValueError(f"{read} were read and {counted} accounted for")

    def lines(self) -> list[str]:
        """Return the account as a person reads it."""
        test = f", {self.test} in the test file" if self.test.total else ""
        used = [f"{split.value} {counts}" for split, counts in self.used.items()]
        if self.in_folds is not None:
            used.append(f"{self.in_folds} by folds: each pair is judged by models that did not learn from it")
        lines = [f"pairs given: {self.training} to train on{test}", f"used as given: {'; '.join(used)}"]
        for part in self.left_out:
            which = f" {part.file}" if self.test.total else ""
            lines.append(f"left out: {part.counts.total:,}{which} pairs ({part.counts}) {part.reason}")
        return lines


class PairAccount(_Part):
    """Where the pairs of a run come from."""

    sources: list[str]
    """Of the training pairs, in order."""
    drawn: list[DrawnCount]
    """What each source gave each split, pairs that an earlier source had named left out."""
    given: GivenAccount | None = None
    """Of a run over files of pairs."""
    phases_from: PhasesFrom = "measured"
    """What says how hard a training pair is: measured similarity, the file, or a source's own phases."""

    def of_split(self, split: SplitName | Literal["folds"]) -> LabelCounts:
        """Return how many pairs a split holds, or how many folds judge by."""
        return LabelCounts.sum(part.counts for part in self.drawn if part.split == split)

    def lines(self) -> list[str]:
        """Return the account as a person reads it."""
        lines = self._by_source() if self.given is None else self.given.lines()
        for part in self.drawn if self.given is not None else ():
            if part.source != "given":
                reason = part.reason or f"as pairs.sources names '{part.source}'"
                where = "the pairs that folds judge by" if part.split == "folds" else part.split.value
                lines.append(f"added to {where}: {part.counts}, {reason}")
        return lines

    def _by_source(self) -> list[str]:
        """Return what each source gave the training, where others than the default were asked for."""
        if tuple(self.sources) == BY_DEFAULT:
            return []
        parts = [part for part in self.drawn if part.split == SplitName.TRAIN]
        given = {part.source: part.counts for part in parts} | {
            name: LabelCounts() for name in self.sources if name not in {part.source for part in parts}
        }
        shown = [
            f"{name} {counts}" + (", labels of a similarity (silver)" if name in SILVER_SOURCES else "")
            for name, counts in given.items()
        ]
        return [f"training pairs by source: {'; '.join(shown)}"]


def counts_by(values: Sequence[str], labels: IntArray) -> dict[str, LabelCounts]:
    """Return the counts of labels for each different value but the empty one, in order of appearance."""
    array = np.array(values, dtype=object)
    return {name: LabelCounts.of(labels[array == name]) for name in dict.fromkeys(values) if name}
