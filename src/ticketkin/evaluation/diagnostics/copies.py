"""Copies that no id shows: the test told once more in training, and positives that are their own anchors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from ticketkin.core.checks import Check, failed, passed, skipped, warning
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.core.wording import number_of, percent
from ticketkin.evaluation.bootstrap import wilson_share
from ticketkin.lexical.neighbours import paired_cosines, tfidf_matrix
from ticketkin.tickets.templates import normalise

_CODE = "copied_test"
_FEWEST_TEXTS, _FEWEST_PAIRS = 40, 20
_MOST_ASKED, _MOST_TRAINING = 1_000, 8_000
_NEARER_THAN_OF_KIN = 90
"""A copy in other words is nearer than so many of 100 pairs of kin, who tell one event by themselves."""
_ABOVE_CHANCE = 0.1
_EQUAL, _MOST_EQUAL = 0.2, 0.5
_BLOCK = 256


@dataclass(frozen=True)
class SplitTexts:
    """Texts of training and test, and what they are compared by."""

    texts: Sequence[str]
    embeddings: FloatArray
    """(n_texts, d) of unit length."""
    groups: IntArray
    """Kin group of every text."""
    train: IntArray
    """Rows."""
    test: IntArray
    kin: tuple[IntArray, IntArray]
    """Rows of pairs of kin, by which is measured how near two tellings of one event are."""


def copied_test(split: SplitTexts, seed: int) -> Check:
    """Find test texts that training holds in other words, against how often chance brings two so near.

    Near is what is nearer, in meaning and in words, than nine of ten pairs of kin. How many test texts would
    have so near a stranger in training by chance follows from how many have one among the other test texts,
    with the upper end of that share's 95 % interval (Wilson).
    """
    left, right = split.kin
    if min(len(split.test), len(split.train)) < _FEWEST_TEXTS or len(left) < _FEWEST_PAIRS:
        return skipped(_CODE, "too few texts in training or test, or too few pairs of kin, to tell")
    draw = np.random.default_rng(seed)
    asked, train = _at_most(split.test, _MOST_ASKED, draw), _at_most(split.train, _MOST_TRAINING, draw)
    words = tfidf_matrix(split.texts)
    meaning = np.einsum("ij,ij->i", split.embeddings[left], split.embeddings[right])
    bars = (
        float(np.percentile(meaning, _NEARER_THAN_OF_KIN)),
        float(np.percentile(paired_cosines(words, left, right), _NEARER_THAN_OF_KIN)),
    )
    in_training = _n_with_near(split, words, asked, train, bars) / len(asked)
    n_among_test = _n_with_near(split, words, asked, asked, bars)
    # Two test texts that are near count each other: so many independent looks are half as many.
    high = wilson_share(n_among_test // 2, len(asked) // 2).high
    by_chance, at_most = (
        1 - (1 - share) ** (len(train) / len(asked))
        for share in (n_among_test / len(asked), 1.0 if high is None else high)
    )
    evidence = (
        f"{percent(in_training)} of {number_of(len(asked), 'test text')} have one in training that is "
        f"nearer, in meaning and in words, than nine of ten pairs of kin; by chance {percent(by_chance)}, at "
        f"most {percent(at_most)}"
    )
    if in_training > at_most and in_training - by_chance > _ABOVE_CHANCE:
        return failed(
            _CODE,
            f"training seems to hold the test in other words: {evidence}",
            "look at the training texts nearest to some test texts, and take out what was rewritten from the "
            "test, by hand or by a model",
        )
    return passed(_CODE, evidence)


def _at_most(rows: IntArray, n: int, draw: np.random.Generator) -> IntArray:
    return rows if len(rows) <= n else np.sort(draw.choice(rows, n, replace=False))


def _n_with_near(
    split: SplitTexts, words: csr_matrix, asked: IntArray, pool: IntArray, bars: tuple[float, float]
) -> int:
    """Return how many of `asked` have a stranger in `pool` above both bars."""
    n_near = 0
    for start in range(0, len(asked), _BLOCK):
        rows = asked[start : start + _BLOCK]
        near = split.embeddings[rows] @ split.embeddings[pool].T > bars[0]
        near &= (words[rows] @ words[pool].T).toarray() > bars[1]
        near &= split.groups[rows][:, None] != split.groups[pool][None, :]
        n_near += int(near.any(axis=1).sum())
    return n_near


def equal_positives(texts: Sequence[tuple[str, str]]) -> Check:
    """Find positives that say the same as their anchors, from which nothing can be learned.

    `texts` are both texts of each pair of kin that trains, or was given to.
    """
    code = "equal_positives"
    if len(texts) < _FEWEST_PAIRS:
        return skipped(code, f"too few pairs of kin to tell ({len(texts)})")
    n_equal = sum(normalise(one) == normalise(other) for one, other in texts)
    share = n_equal / len(texts)
    evidence = f"{n_equal:,} of {number_of(len(texts), 'pair')} of kin to train on hold one text twice"
    if share <= _EQUAL:
        return passed(code, evidence)
    fault = failed if share > _MOST_EQUAL else warning
    return fault(
        code,
        f"positives equal their anchors: {evidence}, numbers and ids apart. A loss of nearly 0 is no success",
        "look how the pairs were made: two columns of one source, or copies; give pairs of two tellings",
    )
