"""Whether linked tickets are nearer in words than strangers are: those joined on a wrong column are not.

The statistic is the area under the ROC curve of linked against random pairs (Mann-Whitney): how often a
linked pair is nearer than a random pair with one of its two tickets; .5 is chance. Each ticket counts in one
link alone, so that a large family is no crowd of witnesses. On three trackers right links lie at .94 to 1.00
with whole texts and at .83 to .95 with titles alone, shuffled ones at .49 to .54 (docs/experiments.md), so
the bar that links must be able to reach stands far below the former.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.sparse import csr_matrix

from ticketkin.core.tables import FloatArray, IntArray, Links, Tickets
from ticketkin.core.wording import number_of
from ticketkin.lexical.neighbours import paired_cosines, tfidf_matrix

_MOST_LINKS, _MOST_STRANGERS = 500, 300
# With fewer links that share no ticket their own other ends are too few to be strangers to one another.
_FEWEST_ENDS = 60
_FEWEST_LINKS = 15
_BAR = 0.65
# One-sided 99 % and 95 % points of the normal distribution.
_Z_REFUSE, _Z_PROVE = 2.326, 1.645
# Standard deviation of a uniform rank: that of pairs at chance.
_CHANCE_DEVIATION = sqrt(1 / 12)


@dataclass(frozen=True)
class Nearness:
    """How near linked tickets are in words, against strangers."""

    n_links: int
    """Links looked at, of which no two share a ticket."""
    n_strangers: int
    """Tickets that each end of a link is compared with."""
    share_nearer: float
    """How often a link is nearer than a random pair with one of its tickets; ties count half."""
    highest_share: float
    """Upper end of its one-sided 99 % interval."""
    linked_similarity: float
    """Median TF-IDF cosine of the links."""
    random_similarity: float
    """Median TF-IDF cosine of the random pairs."""

    @property
    def is_chance(self) -> bool:
        """True where the links are surely not nearer than strangers by as much as kin are."""
        return self.n_links >= _FEWEST_LINKS and self.highest_share < _BAR

    @property
    def is_proven(self) -> bool:
        """True where pairs at chance would be as near as this at most once in twenty times."""
        if not self.n_links:
            return False
        return self.share_nearer > 0.5 + _Z_PROVE * _CHANCE_DEVIATION / sqrt(self.n_links)

    @property
    def in_brief(self) -> str:
        """What it comes to, in a sentence for the screen."""
        if not self.n_links:
            return "no linked tickets have words to compare"
        return (
            f"in {100 * self.share_nearer:.0f} of 100 comparisons two linked tickets are nearer in words "
            "than two that were drawn at random; 50 would be chance"
        )

    @property
    def evidence(self) -> str:
        """The numbers in words."""
        if not self.n_links:
            return "no linked tickets have words to compare"
        return (
            f"links that share no ticket ({self.n_links:,}) are nearer in "
            f"words than random pairs in {100 * self.share_nearer:.0f} of 100 comparisons (chance is 50; at "
            f"most {100 * min(self.highest_share, 1):.0f} with 99 % certainty; median similarity "
            f"{self.linked_similarity:.2f}, of random pairs {self.random_similarity:.2f}; "
            f"{number_of(self.n_strangers, 'stranger')})"
        )

    def rounded(self) -> "Nearness":
        """Return the numbers to four places, as they are written."""
        return Nearness(
            self.n_links,
            self.n_strangers,
            round(self.share_nearer, 4),
            round(self.highest_share, 4),
            round(self.linked_similarity, 4),
            round(self.random_similarity, 4),
        )


NOTHING_COMPARED = Nearness(0, 0, 0.5, 1.0, 0.0, 0.0)


def link_nearness(tickets: Tickets, links: Links) -> Nearness:
    """Return how near the linked tickets are in title and description, against other tickets."""
    at = tickets.position
    ends = sorted({tuple(sorted(pair)) for pair in links.frame.select("source", "target").iter_rows()})
    rows = np.array([[at[one], at[other]] for one, other in ends], dtype=np.int64).reshape(-1, 2)

    def texts_of(asked: IntArray) -> list[str]:
        frame = tickets.frame[asked.tolist()].select("title", "description")
        return [f"{title}\n{text}" for title, text in frame.iter_rows()]

    return _nearness(rows, len(tickets), texts_of)


def pair_nearness(pairs: Sequence[tuple[str, str]], texts: Sequence[str]) -> Nearness:
    """Return how near the two texts of each pair are, against others of `texts`, which hold them all."""
    unique = sorted(set(texts))
    at = {text: row for row, text in enumerate(unique)}
    ends = sorted({(at[min(pair)], at[max(pair)]) for pair in pairs if pair[0] != pair[1]})
    rows = np.array(ends, dtype=np.int64).reshape(-1, 2)
    return _nearness(rows, len(unique), lambda asked: [unique[row] for row in asked])


def _nearness(rows: IntArray, n_texts: int, texts_of: Callable[[IntArray], Sequence[str]]) -> Nearness:
    """Return the nearness of pairs of text rows, shape (n, 2).

    At most 500 pairs and 300 strangers are drawn, and only their texts are asked for.
    """
    if not len(rows):
        return NOTHING_COMPARED
    rng = np.random.default_rng(0)
    chosen = _disjoint(rows[rng.permutation(len(rows))])[:_MOST_LINKS]
    pool = np.unique(chosen) if chosen.size >= _FEWEST_ENDS else np.arange(n_texts)
    strangers = rng.choice(pool, min(_MOST_STRANGERS, len(pool)), replace=False)
    asked = np.unique(np.concatenate([chosen.ravel(), strangers]))
    words = tfidf_matrix(texts_of(asked))
    place = np.full(n_texts, -1, dtype=np.int64)
    place[asked] = np.arange(len(asked))
    return _compared(words, place[chosen], place[strangers])


def _disjoint(rows: IntArray) -> IntArray:
    """Return the rows, shape (n, 2), that share no ticket with a row before them."""
    seen: set[int] = set()
    kept = []
    for one, other in rows.tolist():
        if one not in seen and other not in seen:
            seen |= {one, other}
            kept.append((one, other))
    return np.array(kept, dtype=np.int64).reshape(-1, 2)


def _compared(words: csr_matrix, links: IntArray, strangers: IntArray) -> Nearness:
    """Return the statistic of `links`, shape (n, 2), both they and `strangers` rows of `words`."""
    linked = paired_cosines(words, links[:, 0], links[:, 1])
    shares, random = [], []
    for (one, other), similarity in zip(links.tolist(), linked.tolist(), strict=True):
        others = strangers[(strangers != one) & (strangers != other)]
        drawn: FloatArray = np.asarray((words[[one, other]] @ words[others].T).todense()).ravel()
        if not len(drawn) or (similarity == 0 and not drawn.any()):
            continue  # neither text has a word that any other has: nothing can be said
        shares.append(float((drawn < similarity).mean() + (drawn == similarity).mean() / 2))
        random.append(float(np.median(drawn)))
    if not shares:
        return NOTHING_COMPARED
    deviation = max(float(np.std(shares)), _CHANCE_DEVIATION)
    share = float(np.mean(shares))
    return Nearness(
        n_links=len(shares),
        n_strangers=len(strangers),
        share_nearer=share,
        highest_share=share + _Z_REFUSE * deviation / sqrt(len(shares)),
        linked_similarity=float(np.median(linked)),
        random_similarity=float(np.median(random)),
    )
