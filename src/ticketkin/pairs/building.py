"""Pairs of every split: positives from kin groups, negatives mined or drawn, difficulty measured."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_matrix

from ticketkin.core.config import EvaluationSettings, PairSettings
from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import (
    FloatArray,
    IntArray,
    Links,
    Origin,
    Pairs,
    Phase,
    SplitName,
    Splits,
    Tickets,
)
from ticketkin.lexical.neighbours import paired_cosines, tfidf_matrix, tfidf_neighbours
from ticketkin.pairs.mining import KinshipCodes, dense_neighbours, mine_negatives
from ticketkin.pairs.silver import silver_negatives
from ticketkin.tickets.kin import KinGroups

# Half of the test negatives are hard (mined), half random: a desk meets both.
_HARD_SHARE_OF_TEST = 0.5
_DRAWS_PER_NEGATIVE = 4


@dataclass(frozen=True)
class PairInputs:
    """What pairs are built from; `embeddings` are the untouched model's, unit length."""

    tickets: Tickets
    texts: Sequence[str]
    links: Links
    groups: KinGroups
    splits: Splits
    embeddings: FloatArray


@dataclass(frozen=True)
class _Drawn:
    left: IntArray
    right: IntArray
    label: IntArray
    split: SplitName


def build_pairs(
    inputs: PairInputs,
    settings: PairSettings,
    evaluation: EvaluationSettings,
    seed: int,
    progress: Progress = SILENT,
) -> Pairs:
    """Return the labelled pairs of all splits; both tickets of a pair lie in its split.

    Training: every positive of a kin group (large groups sampled) with its mined hard negatives.
    Evaluation and holdout: the same, with `negatives_per_positive` negatives, half mined and half
    drawn at random. Silver links get the negatives of their own recipe instead, in every split. The
    phase is measured: positives by how unlike, negatives by how alike their
    texts are, in words and in the untouched embedding, by thirds. Deterministic by `seed`. Raises
    NotEnoughDataError where a split has no positive.
    """
    generator = np.random.default_rng(seed)
    kinship = KinshipCodes.of(inputs.tickets, inputs.groups.group)
    words = tfidf_matrix(inputs.texts)
    parts = []
    for split in SplitName:
        rows = inputs.splits.rows(inputs.tickets, split)
        left, right = _positives(inputs, rows, settings, generator)
        if not len(left):
            raise NotEnoughDataError(
                f"The {split} split has no pair of kin; give more links with --links FILE or another --seed"
            )
        if inputs.links.labels_from == Origin.SILVER.value:
            negatives = [
                silver_negatives(inputs.tickets, words, rows, kinship, len(left), generator),
            ]
        else:
            n_hard, n_random = _negatives_per_positive(split, settings, evaluation)
            negatives = [
                _hard_negatives(inputs, words, rows, (left, right), kinship, (n_hard, settings), progress),
                _random_negatives(rows, kinship, n_random * len(left), generator),
            ]
        parts.append(_joined(left, right, negatives, split))
    return Pairs(_with_difficulty(parts, inputs, words))


def _negatives_per_positive(
    split: SplitName, settings: PairSettings, evaluation: EvaluationSettings
) -> tuple[int, int]:
    """Return how many hard and how many random negatives each positive gets."""
    if split is SplitName.TRAIN:
        return settings.hard_negatives_per_positive, 0
    n_negatives = evaluation.negatives_per_positive
    n_hard = max(1, round(n_negatives * _HARD_SHARE_OF_TEST))
    return n_hard, n_negatives - n_hard


def _positives(
    inputs: PairInputs, rows: IntArray, settings: PairSettings, generator: np.random.Generator
) -> tuple[IntArray, IntArray]:
    inside = np.zeros(len(inputs.tickets), dtype=np.bool_)
    inside[rows] = True
    pairs: list[IntArray] = []
    for members in inputs.groups.groups:
        if not inside[members[0]]:
            continue
        left, right = np.triu_indices(len(members), k=1)
        both = np.stack([members[left], members[right]], axis=1)
        if len(both) > settings.max_positives_per_group:
            chosen = generator.choice(len(both), settings.max_positives_per_group, replace=False)
            both = both[np.sort(chosen)]
        pairs.append(both)
    joined = np.concatenate(pairs) if pairs else np.empty((0, 2), dtype=np.int64)
    return joined[:, 0], joined[:, 1]


def _hard_negatives(
    inputs: PairInputs,
    words: csr_matrix,
    rows: IntArray,
    positives: tuple[IntArray, IntArray],
    kinship: KinshipCodes,
    wanted: tuple[int, PairSettings],
    progress: Progress,
) -> tuple[IntArray, IntArray]:
    """Mine within the split only, so that no pair crosses a border."""
    n_negatives, settings = wanted
    left, right = positives
    asked, place = np.unique(np.searchsorted(rows, left), return_inverse=True)
    dense = dense_neighbours(inputs.embeddings, rows, settings.n_neighbours, progress, asked)
    lexical = tfidf_neighbours(words[rows], settings.n_neighbours, progress, asked).indices
    lexical = np.where(lexical >= 0, rows[lexical], -1)
    mined = mine_negatives(
        left,
        right,
        [dense[place], lexical[place]],
        inputs.embeddings,
        kinship,
        n_negatives,
        settings.false_negative_margin,
    )
    anchors, columns = np.nonzero(mined >= 0)
    return left[anchors], mined[anchors, columns]


def _random_negatives(
    rows: IntArray, kinship: KinshipCodes, n_negatives: int, generator: np.random.Generator
) -> tuple[IntArray, IntArray]:
    if len(rows) < 2 or not n_negatives:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    drawn = rows[generator.integers(0, len(rows), (n_negatives * _DRAWS_PER_NEGATIVE, 2))]
    left, right = drawn[:, 0], drawn[:, 1]
    allowed = (left != right) & ~kinship.related(left, right)
    return left[allowed][:n_negatives], right[allowed][:n_negatives]


def _joined(
    left: IntArray, right: IntArray, negatives: Sequence[tuple[IntArray, IntArray]], split: SplitName
) -> _Drawn:
    """Put positives and negatives together, each unordered pair once."""
    lefts = np.concatenate([left, *(a for a, _ in negatives)])
    rights = np.concatenate([right, *(b for _, b in negatives)])
    label = np.r_[np.ones(len(left), dtype=np.int64), np.zeros(len(lefts) - len(left), dtype=np.int64)]
    key = np.stack([np.minimum(lefts, rights), np.maximum(lefts, rights)], axis=1)
    _, first = np.unique(key, axis=0, return_index=True)
    first = np.sort(first)
    return _Drawn(lefts[first], rights[first], label[first], split)


def _with_difficulty(parts: Sequence[_Drawn], inputs: PairInputs, words: csr_matrix) -> pl.DataFrame:
    left = np.concatenate([part.left for part in parts])
    right = np.concatenate([part.right for part in parts])
    label = np.concatenate([part.label for part in parts])
    lexical = paired_cosines(words, left, right)
    dense = np.einsum("ij,ij->i", inputs.embeddings[left], inputs.embeddings[right])
    phase = np.zeros(len(left), dtype=np.int64)
    for value in (0, 1):
        chosen = np.flatnonzero(label == value)
        alike = _rank_share(lexical[chosen]) + _rank_share(dense[chosen])
        hard = -alike if value == 1 else alike
        thirds = np.minimum(2, (_rank_share(hard) * 3).astype(np.int64))
        phase[chosen] = int(Phase.EASY) + thirds
    ids = np.array(inputs.tickets.ids, dtype=object)
    silver = (inputs.links.frame["origin"] == Origin.SILVER.value).any()
    origins = _origins(inputs, ids, left, right)
    return pl.DataFrame(
        {
            "left": ids[left].tolist(),
            "right": ids[right].tolist(),
            "label": label,
            "kind": np.where(label == 1, "duplicate", "none").tolist(),
            "phase": phase,
            "origin": np.where(label == 1, origins, "silver" if silver else "mined").tolist(),
            "split": np.concatenate([[part.split.value] * len(part.left) for part in parts]).tolist(),
            "lexical_similarity": lexical,
            "base_similarity": dense,
        }
    )


def _rank_share(values: FloatArray) -> FloatArray:
    """Return each value's rank as a share in [0, 1)."""
    ranks = np.empty(len(values), dtype=np.float32)
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values)) / max(1, len(values))
    return ranks


def _origins(inputs: PairInputs, ids: npt.NDArray[np.object_], left: IntArray, right: IntArray) -> list[str]:
    """Return who linked each pair; 'group' where two tickets are kin only through others."""
    told = {
        frozenset((source, target)): origin
        for source, target, origin in inputs.links.frame.select("source", "target", "origin").iter_rows()
    }
    return [told.get(frozenset((ids[a], ids[b])), "group") for a, b in zip(left, right, strict=True)]
