"""Silver links and negatives: what word overlap and category suggest where people left no link.

The classic recipe: positives above 0.5 TF-IDF cosine; negatives below 0.3, half of them hard (of one
category), half easy (across categories). Such labels are circular; whoever resembles the labeller
wins on them.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import LINKS_SCHEMA, IntArray, Kind, Links, Origin, Tickets
from ticketkin.core.wording import number_of
from ticketkin.lexical.neighbours import paired_cosines, tfidf_matrix, tfidf_neighbours
from ticketkin.pairs.mining import KinshipCodes
from ticketkin.tickets.settings import LinkSettings

POSITIVE_ABOVE = 0.5
_NEGATIVE_BELOW = 0.3
_POSITIVE_SHARE = 0.4
_HARD_SHARE = 0.3
_DRAWS_PER_NEGATIVE = 6
_N_NEIGHBOURS = 5


def silver_links(tickets: Tickets, texts: Sequence[str], settings: LinkSettings, seed: int) -> Links:
    """Return up to 40 % of `silver_pairs` duplicate links between similar tickets, origin silver.

    Their negatives are drawn by `silver_negatives` when pairs are built. Raises NotEnoughDataError
    where fewer than three pairs of tickets resemble each other.
    """
    neighbours = tfidf_neighbours(tfidf_matrix(texts), _N_NEIGHBOURS)
    rows, places = np.nonzero(neighbours.similarities > POSITIVE_ABOVE)
    others = neighbours.indices[rows, places]
    pairs = np.unique(np.sort(np.stack([rows, others], axis=1), axis=1), axis=0)
    if len(pairs) < 3:
        raise NotEnoughDataError(
            f"No link from people was found, and only {number_of(len(pairs), 'pair')} of tickets share "
            "enough words for silver links; give people's links with --links FILE"
        )
    n_wanted = int(settings.silver_pairs * _POSITIVE_SHARE)
    if len(pairs) > n_wanted:
        chosen = np.random.default_rng(seed).choice(len(pairs), n_wanted, replace=False)
        pairs = pairs[np.sort(chosen)]
    ids = np.array(tickets.ids, dtype=object)
    frame = pl.DataFrame(
        {
            "source": ids[pairs[:, 1]].tolist(),
            "target": ids[pairs[:, 0]].tolist(),
            "kind": [Kind.DUPLICATE.value] * len(pairs),
            "origin": [Origin.SILVER.value] * len(pairs),
        },
        schema=dict(LINKS_SCHEMA),
    )
    return Links(frame)


def silver_negatives(
    tickets: Tickets,
    words: csr_matrix,
    rows: IntArray,
    kinship: KinshipCodes,
    n_positives: int,
    generator: np.random.Generator,
    hard_share: float = _HARD_SHARE,
) -> tuple[IntArray, IntArray]:
    """Return the negatives that stand beside `n_positives`: left and right ticket rows.

    Both tickets lie among `rows` and below 0.3 TF-IDF cosine (`words`, all tickets). `hard_share` of all
    pairs are hard, of one category; positives and easy negatives, across categories, share the rest as 4
    to 3. A file of one category gives hard ones alone.
    """
    category = tickets.frame["category"].cast(pl.Categorical).to_physical().cast(pl.Int64).to_numpy()[rows]
    n_pairs = n_positives / (_POSITIVE_SHARE / (1 - _HARD_SHARE) * (1 - hard_share))
    n_hard = round(n_pairs * hard_share)
    n_easy = max(0, round(n_pairs) - n_hard - n_positives)
    by_category = np.argsort(category, kind="stable")
    starts = np.searchsorted(category[by_category], category, side="left")
    ends = np.searchsorted(category[by_category], category, side="right")

    def same(left: IntArray) -> IntArray:
        return by_category[generator.integers(starts[left], ends[left])]

    def across(left: IntArray) -> IntArray:
        return generator.integers(0, len(rows), len(left))

    lefts, rights = [], []
    for n_wanted, draw, shares_category in ((n_hard, same, True), (n_easy, across, False)):
        left = generator.integers(0, len(rows), n_wanted * _DRAWS_PER_NEGATIVE)
        right = draw(left)
        fits = (left != right) & ((category[left] == category[right]) == shares_category)
        left, right = rows[left[fits]], rows[right[fits]]
        allowed = ~kinship.related(left, right) & (paired_cosines(words, left, right) < _NEGATIVE_BELOW)
        lefts.append(left[allowed][:n_wanted])
        rights.append(right[allowed][:n_wanted])
    return np.concatenate(lefts), np.concatenate(rights)
