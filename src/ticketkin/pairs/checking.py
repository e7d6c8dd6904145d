"""Faults of a set of labelled pairs, counted, and the set without them."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack

from ticketkin.core.tables import BoolArray, FloatArray, IntArray, Kind
from ticketkin.lexical.neighbours import paired_cosines, tfidf_matrix
from ticketkin.pairs.interchange import TextPairs
from ticketkin.pairs.nearness import Nearness, pair_nearness
from ticketkin.tickets.templates import normalise, template_groups

_NEAR_IDENTICAL = 0.9
_FEWEST_WORDS = 3
_SURE = 0.95
"""A cross-validated probability of the other label from which a label counts as noise."""
_FEWEST_TO_CROSS_VALIDATE = 50
_DOMINANT_SHARE = 0.1


@dataclass(frozen=True)
class KinNearness:
    """How near the pairs labelled kin are in words, as `Nearness` has it, and whether that is mere chance."""

    n_links: int
    n_strangers: int
    share_nearer: float
    highest_share: float
    linked_similarity: float
    random_similarity: float
    is_chance: bool


@dataclass(frozen=True)
class PairCounts:
    """A check of pairs in numbers."""

    n_pairs: int
    contradictions: int
    repeats: int
    near_repeats: int
    short_or_empty: int
    label_noise: int | None
    """None where there are too few pairs to say."""
    kin_nearness: KinNearness
    dominant_templates: dict[str, int]
    n_cleaned: int
    sha256: str
    """Of the cleaned set: texts and labels."""


@dataclass(frozen=True)
class PairCheck:
    """What was found; all masks have shape (n_pairs,)."""

    contradictions: BoolArray
    """The same two texts with different labels or kinds; texts are the same but for case and spaces."""
    repeats: BoolArray
    """All but the first of the same two texts with one label."""
    near_repeats: BoolArray
    """All but the first of pairs whose texts share their templates, and the label: they may differ in a
    number alone. They are reported and stay.
    """
    short: BoolArray
    """A text is empty or has fewer than three words."""
    noise: BoolArray | None
    """Labels that a classifier on word overlap and length, trained on other pairs, is sure to be wrong; None
    where there are too few pairs to say."""
    kin_nearness: Nearness
    """How near the pairs labelled kin are in words, against random pairs of the same texts."""
    dominant_templates: dict[str, int]
    """Texts that stand in more than a tenth of the pairs, by their first words."""
    cleaned: TextPairs
    """The set without contradictions, repeats and short texts; a person reads near repeats and noise."""

    def counts(self) -> PairCounts:
        """Return how many pairs each mask holds."""
        nearness = self.kin_nearness.rounded()
        return PairCounts(
            n_pairs=len(self.contradictions),
            contradictions=int(self.contradictions.sum()),
            repeats=int(self.repeats.sum()),
            near_repeats=int(self.near_repeats.sum()),
            short_or_empty=int(self.short.sum()),
            label_noise=None if self.noise is None else int(self.noise.sum()),
            kin_nearness=KinNearness(
                n_links=nearness.n_links,
                n_strangers=nearness.n_strangers,
                share_nearer=nearness.share_nearer,
                highest_share=nearness.highest_share,
                linked_similarity=nearness.linked_similarity,
                random_similarity=nearness.random_similarity,
                is_chance=self.kin_nearness.is_chance,
            ),
            dominant_templates=self.dominant_templates,
            n_cleaned=len(self.cleaned),
            sha256=self.cleaned.digest(),
        )


def check_pairs(pairs: TextPairs, seed: int = 0) -> PairCheck:
    """Return what is wrong with the pairs, and the cleaned set. A pair is the same either way round."""
    n = len(pairs)
    left, right = [normalise(text) for text in pairs.left], [normalise(text) for text in pairs.right]
    # Numbers tell tickets apart: a host, a form, an error code.
    exact = _codes([(_folded(a), _folded(b)) for a, b in zip(pairs.left, pairs.right, strict=True)])
    templates = template_groups([*pairs.left, *pairs.right], _NEAR_IDENTICAL)
    near = _codes([(int(a), int(b)) for a, b in zip(templates[:n], templates[n:], strict=True)])
    labels = _answer_codes(pairs)
    labels_of = np.bincount(np.unique(np.stack([exact, labels]), axis=1)[0])
    contradictions = labels_of[exact] > 1
    repeats = _later(exact * (int(labels.max()) + 1) + labels)
    short = np.array(
        [min(len(a.split()), len(b.split())) < _FEWEST_WORDS for a, b in zip(left, right, strict=True)]
    )
    cleaned = pairs.part(~(contradictions | repeats | short))
    return PairCheck(
        contradictions=contradictions,
        repeats=repeats,
        near_repeats=_later(near * 2 + pairs.labels) & ~repeats,
        short=short,
        noise=_noise(pairs, seed),
        kin_nearness=_kin_nearness(pairs),
        dominant_templates=_dominant(templates, [*left, *right], n),
        cleaned=cleaned,
    )


def _kin_nearness(pairs: TextPairs) -> Nearness:
    kin = [
        (one, other)
        for one, other, label in zip(pairs.left, pairs.right, pairs.labels.tolist(), strict=True)
        if label == 1
    ]
    return pair_nearness(kin, [*pairs.left, *pairs.right])


def _answer_codes(pairs: TextPairs) -> IntArray:
    """Return a number for the answer of each pair: label or kind, and of causes which text is the cause."""
    if pairs.kinds is None:
        return pairs.labels
    words = [
        f"{kind} {_folded(a) <= _folded(b)}" if kind == Kind.CAUSAL.value else kind
        for kind, a, b in zip(pairs.kinds, pairs.left, pairs.right, strict=True)
    ]
    return np.unique(words, return_inverse=True)[1].astype(np.int64)


def _folded(text: str) -> str:
    """Return a text without its case and spacing."""
    return " ".join(text.casefold().split())


def _codes(keys: list[tuple[Any, Any]]) -> IntArray:
    """Return one number for each unordered pair of keys."""
    known: dict[tuple[Any, Any], int] = {}
    ordered = [(a, b) if a <= b else (b, a) for a, b in keys]
    return np.array([known.setdefault(key, len(known)) for key in ordered], dtype=np.int64)


def _later(codes: IntArray) -> BoolArray:
    """Return True for all but the first of each code."""
    _, first = np.unique(codes, return_index=True)
    later = np.ones(len(codes), dtype=np.bool_)
    later[first] = False
    return later


def _noise(pairs: TextPairs, seed: int) -> BoolArray | None:
    """Find labels that pairs alike in words contradict (confident learning, Northcutt et al. 2021)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if np.bincount(pairs.labels, minlength=2).min() < _FEWEST_TO_CROSS_VALIDATE:
        return None
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    predicted: FloatArray = cross_val_predict(
        make_pipeline(
            StandardScaler(with_mean=False), LogisticRegression(C=10, max_iter=1_000, class_weight="balanced")
        ),
        _features(pairs),
        pairs.labels,
        cv=folds,
        method="predict_proba",
    )[:, 1]
    return np.where(pairs.labels == 1, 1 - predicted, predicted) >= _SURE


def _features(pairs: TextPairs) -> csr_matrix:
    n = len(pairs)
    words = tfidf_matrix([*pairs.left, *pairs.right])
    cosines = paired_cosines(words, np.arange(n), np.arange(n, 2 * n))
    lengths = np.array([[len(a), len(b)] for a, b in zip(pairs.left, pairs.right, strict=True)])
    gap = np.abs(np.log1p(lengths[:, 0]) - np.log1p(lengths[:, 1]))
    return csr_matrix(hstack([csr_matrix(column.reshape(-1, 1)) for column in (cosines, cosines**2, gap)]))


def _dominant(templates: IntArray, texts: list[str], n: int) -> dict[str, int]:
    pairs_of: Counter[int] = Counter()
    for a, b in zip(templates[:n].tolist(), templates[n:].tolist(), strict=True):
        pairs_of.update({a, b})
    first = {int(code): place for place, code in reversed(list(enumerate(templates)))}
    return {
        " ".join(texts[first[code]].split()[:8]): count
        for code, count in pairs_of.most_common()
        if count > max(_DOMINANT_SHARE * n, 2)
    }
