"""What the sources of training pairs draw with, and what several of them draw."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import csr_matrix

from ticketkin.core.progress import Progress
from ticketkin.core.tables import FloatArray, IntArray, Links, Phase, Splits, Tickets
from ticketkin.pairs.drawn import DrawnPairs
from ticketkin.pairs.mining import KinshipCodes, dense_neighbours
from ticketkin.pairs.settings import PairSettings
from ticketkin.tickets.kin import KinGroups

_DRAWS_PER_PAIR = 40


@dataclass(frozen=True)
class PairInputs:
    """What pairs are built from; `embeddings` are the untouched model's, unit length."""

    tickets: Tickets
    texts: Sequence[str]
    links: Links
    groups: KinGroups
    splits: Splits
    embeddings: FloatArray
    judged_strangers: IntArray = field(default_factory=lambda: np.empty((0, 2), dtype=np.int64))
    """Rows of pairs that a person called no kin, shape (n, 2)."""


@dataclass(frozen=True)
class Drawing:
    """What a source draws with, within the tickets of one split."""

    inputs: PairInputs
    words: csr_matrix
    """TF-IDF of all texts."""
    rows: IntArray
    """The split's tickets, ascending."""
    kinship: KinshipCodes
    settings: PairSettings
    generator: np.random.Generator
    progress: Progress
    given: Sequence[DrawnPairs] = ()
    """The split's pairs of a file."""


def labelled(
    left: IntArray, right: IntArray, label: int, *, silver: bool = False, phase: Phase | None = None
) -> DrawnPairs:
    """Return pairs that all have one label."""
    return DrawnPairs(left, right, np.full(len(left), label, dtype=np.int64), silver, phase)


def kin_pairs(drawing: Drawing) -> DrawnPairs:
    """Return every pair of a kin group among the rows; large groups are sampled."""
    groups, most = drawing.inputs.groups.groups, drawing.settings.max_positives_per_group
    inside = np.zeros(len(drawing.inputs.tickets), dtype=np.bool_)
    inside[drawing.rows] = True
    pairs: list[IntArray] = []
    for members in groups:
        if not inside[members[0]]:
            continue
        left, right = np.triu_indices(len(members), k=1)
        both = np.stack([members[left], members[right]], axis=1)
        if len(both) > most:
            both = both[np.sort(drawing.generator.choice(len(both), most, replace=False))]
        pairs.append(both)
    joined = np.concatenate(pairs) if pairs else np.empty((0, 2), dtype=np.int64)
    return labelled(joined[:, 0], joined[:, 1], 1)


def judged_strangers(drawing: Drawing) -> DrawnPairs:
    """Return the pairs within the rows that a person called no kin, but for those that links join."""
    pairs, group = drawing.inputs.judged_strangers, drawing.inputs.groups.group
    left, right = pairs[:, 0], pairs[:, 1]
    inside = np.isin(left, drawing.rows) & np.isin(right, drawing.rows) & (group[left] != group[right])
    return replace(labelled(left[inside], right[inside], 0), judged=True)


def random_and_near(drawing: Drawing) -> tuple[IntArray, IntArray, FloatArray]:
    """Return shuffled pairs, drawn at random and among near neighbours, with their base similarity."""
    rows, generator, embeddings = drawing.rows, drawing.generator, drawing.inputs.embeddings
    if len(rows) < 2:
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing, np.empty(0, dtype=np.float32)
    n = drawing.settings.n_drawn * _DRAWS_PER_PAIR // 2
    left, right = rows[generator.integers(0, len(rows), (2, n))]
    near = dense_neighbours(embeddings, rows, drawing.settings.n_neighbours, drawing.progress)
    places, columns = np.nonzero(near >= 0)
    pairs = np.concatenate(
        [np.stack([left, right], axis=1), np.stack([rows[places], near[places, columns]], axis=1)]
    )
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)
    pairs = pairs[generator.permutation(len(pairs))]
    similarity = np.einsum("ij,ij->i", embeddings[pairs[:, 0]], embeddings[pairs[:, 1]])
    return pairs[:, 0], pairs[:, 1], similarity
