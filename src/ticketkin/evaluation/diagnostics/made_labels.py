"""Links that a search made: one ranker alone finds them all, or each names what it would have shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ticketkin.core.checks import Check, failed, passed, skipped, warning
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import IntArray, Visibility
from ticketkin.core.wording import number_of, percent
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.retrieval import RetrievalScores

_RANKER, _SEARCH = "single_ranker", "links_of_a_search"
_FEWEST = 20
_FEWEST_SUGGESTED = 100
_TOO_GOOD = 0.99
_ALL = 0.98
_FIRST_PAGE = 10
_MOST_LINKS = 400
_BLOCK = 64
_FROM_PEOPLE = "take links that people made without seeing a ranking, or judge pairs drawn at random"


def single_ranker(scores: Mapping[str, RetrievalScores], unlearned: Sequence[str]) -> Check:
    """Find a ranker that learned nothing and still puts kin first for nearly every ticket."""
    primary = METRICS.primary
    means = {name: float(scores[name].per_query(primary.name).mean()) for name in unlearned if name in scores}
    n_queries = next(iter(scores.values())).n_queries
    shown = ", ".join(f"{name} {mean:.3f}" for name, mean in means.items())
    if n_queries < _FEWEST:
        return skipped(_RANKER, f"too few tickets with kin to tell ({n_queries})")
    perfect = [name for name, mean in means.items() if mean >= _TOO_GOOD]
    if perfect:
        return failed(
            _RANKER,
            f"'{perfect[0]}' alone, which learned nothing, finds nearly all kin at once ({primary.title} "
            f"{shown}): the links were most likely made by such a search, or kin are copies of one text",
            _FROM_PEOPLE,
        )
    return passed(_RANKER, f"no ranking that learned nothing finds all kin ({primary.title} {shown})")


@dataclass(frozen=True)
class LinkRanks:
    """For each link the better of two ranks: where one ticket stands in the other's list of all tickets."""

    ranks: IntArray

    @classmethod
    def of(cls, ranker: Ranker, left: IntArray, right: IntArray, n_tickets: int, seed: int) -> "LinkRanks":
        """Rank both ends of at most 400 links among all tickets, later ones too: a search may run any day."""
        if len(left) > _MOST_LINKS:
            kept = np.random.default_rng(seed).choice(len(left), _MOST_LINKS, replace=False)
            left, right = left[kept], right[kept]
        everything = Visibility(n_tickets, None)
        best = np.full(len(left), n_tickets, dtype=np.int64)
        for asked, sought in ((left, right), (right, left)):
            for start in range(0, len(asked), _BLOCK):
                part, wanted = asked[start : start + _BLOCK], sought[start : start + _BLOCK]
                similarities = ranker.similarities(part, everything)
                similarities[np.arange(len(part)), part] = -np.inf
                own = similarities[np.arange(len(part)), wanted]
                above = (similarities > own[:, None]).sum(axis=1)
                best[start : start + _BLOCK] = np.minimum(best[start : start + _BLOCK], above + 1)
        return cls(best)

    def share_within(self, k: int) -> float:
        """Return the share of links that a list of k tickets would have shown."""
        return float((self.ranks <= k).mean()) if len(self.ranks) else 0.0


def links_of_a_search(ranks: Mapping[str, LinkRanks]) -> Check:
    """Find links that join nearest neighbours only, or only what a first page shows."""
    n_links = len(next(iter(ranks.values())).ranks)
    if n_links < _FEWEST:
        return skipped(_SEARCH, f"too few links to tell ({n_links})")
    nearest = {name: one.share_within(1) for name, one in ranks.items()}
    shown = ", ".join(
        f"by '{name}' {percent(nearest[name])} at the first place and "
        f"{percent(one.share_within(_FIRST_PAGE))} among the first {_FIRST_PAGE}"
        for name, one in ranks.items()
    )
    makers = [name for name, share in nearest.items() if share >= _ALL]
    if makers:
        return failed(
            _SEARCH,
            f"nearly every link joins a ticket to its nearest neighbour, so they were most likely made by a "
            f"search ({shown} of {number_of(n_links, 'link')})",
            _FROM_PEOPLE,
        )
    suggested = [name for name, one in ranks.items() if one.ranks.max() <= _FIRST_PAGE]
    if suggested and n_links >= _FEWEST_SUGGESTED:
        return warning(
            _SEARCH,
            f"no link lies beyond the first {_FIRST_PAGE} of '{suggested[0]}', so people may have chosen "
            f"among suggestions; kin that were never suggested are missing ({shown} of "
            f"{number_of(n_links, 'link')})",
            "ask how links came about; judge pairs beyond the suggestions: review.pairs",
        )
    return passed(_SEARCH, f"{shown} of {number_of(n_links, 'link')}")
