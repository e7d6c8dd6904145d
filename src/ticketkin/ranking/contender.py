"""The learned ranking as a candidate that is judged in folds: only its weights are fitted anew in each."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ticketkin.core.tables import BoolArray, Float64Array, FloatArray, IntArray, Visibility
from ticketkin.evaluation.retrieval import visible_kin_ranks
from ticketkin.ranking.candidate_lists import CandidateLists, blocks
from ticketkin.ranking.scorer import FirstLevel
from ticketkin.ranking.shrinkage import LevelFit, Pull, list_ranks


@dataclass(frozen=True)
class FusionContender:
    """The first level over lists that hold no label, under each of some pulls."""

    lists: CandidateLists
    """Of the queries that judge."""
    names: list[str]
    """Of the features."""
    groups: IntArray
    """Kin-group number of each ticket."""
    unit_of_ticket: IntArray
    """Unit of each ticket; folds never split a unit."""
    beyond: Sequence[IntArray]
    """See `ranks_beyond`."""
    pulls: Sequence[Pull]
    seed: int

    name = "fusion"
    takes_machine = False

    @property
    def options(self) -> list[str]:
        """Names of the pulls."""
        return [pull.name for pull in self.pulls]

    def pull(self, option: str) -> Pull:
        """Return the pull that an option stands for."""
        return self.pulls[self.options.index(option)]

    @cached_property
    def is_kin(self) -> BoolArray:
        """Which pairs of the lists are kin."""
        return self.lists.kin(self.groups)

    @cached_property
    def _units(self) -> tuple[IntArray, IntArray]:
        """Unit of each pair's query and of its candidate."""
        of_query = self.unit_of_ticket[self.lists.queries][self.lists.query_of_pair]
        return of_query, self.unit_of_ticket[self.lists.rows]

    def fit(self, seen: BoolArray, pull: Pull) -> FirstLevel:
        """Return weights fitted on the pairs whose tickets both lie in units that may be seen."""
        return self._pairs(seen).level(pull)

    def _pairs(self, seen: BoolArray) -> LevelFit:
        """Return the pairs to fit on.

        A list without kin teaches nothing about which of its candidates comes first, and is left out.
        """
        of_query, of_candidate = self._units
        used = seen[of_query] & seen[of_candidate]
        place = self.lists.query_of_pair
        has_kin = np.bincount(place[used], self.is_kin[used], minlength=len(self.lists.queries)) > 0
        used &= has_kin[place]
        labels = self.is_kin[used].astype(np.int64)
        return LevelFit.of(self.lists.features[used], labels, place[used], self.names, self.seed)

    def logits(self, level: FirstLevel, asked: IntArray) -> tuple[CandidateLists, Float64Array]:
        """Return the lists of the queries at the places `asked`, and the log-odds of their pairs."""
        lists = self.lists.take(asked)
        return lists, level.logits(lists.features)

    def ranks(self, seen: BoolArray, asked: IntArray, options: Sequence[int]) -> list[list[IntArray]]:
        """Return the ranks of kin of the queries at the places `asked`, for each of `options`."""
        lists, pairs = self.lists.take(asked), self._pairs(seen)
        is_kin, beyond = lists.kin(self.groups), [self.beyond[place] for place in asked]
        levels = [pairs.level(self.pulls[option]) for option in options]
        return [list_ranks(lists, is_kin, level.logits(lists.features), beyond) for level in levels]


def ranks_beyond(
    base: FloatArray, lists: CandidateLists, groups: IntArray, visibility: Visibility
) -> list[IntArray]:
    """Return for each query the ranks of the visible kin that is not in its list.

    Whatever is not in a list follows behind it by the cosine of `base`, shape (n_tickets, d), as
    `ListRanker` has it.
    """
    result = []
    for place in blocks(np.arange(len(lists.queries))):
        part = lists.queries[place]
        sizes = np.diff(lists.start)[place]
        outside = visibility.mask(part)
        own = slice(lists.start[place[0]], lists.start[place[-1] + 1])
        outside[np.repeat(np.arange(len(part)), sizes), lists.rows[own]] = False
        is_kin = groups[None, :] == groups[part][:, None]
        lacks = np.flatnonzero((outside & is_kin).any(axis=1))
        ranks: list[IntArray] = [np.zeros(0, dtype=np.int64)] * len(part)
        cosines = base[part[lacks]] @ base.T
        beyond = visible_kin_ranks(cosines, outside[lacks], is_kin[lacks])
        for query, behind in zip(lacks, beyond, strict=True):
            ranks[query] = behind + sizes[query]
        result += ranks
    return result
