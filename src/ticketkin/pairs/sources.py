"""Where training pairs come from, each source by name; they combine in the order they are named.

Only `links` and what is mined around its pairs stand on what people stated. The other sources draw labels
from similarities: such pairs are marked silver, and circular labels are reported.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from ticketkin.core.errors import ConfigurationError, NotEnoughDataError
from ticketkin.core.progress import Progress
from ticketkin.core.tables import FloatArray, IntArray, Links, Phase, Splits, Tickets
from ticketkin.lexical.neighbours import tfidf_neighbours
from ticketkin.pairs.drawn import DrawnPairs, NamedPairs
from ticketkin.pairs.given_splits import GivenPairs
from ticketkin.pairs.mining import KinshipCodes, dense_neighbours, mine_negatives
from ticketkin.pairs.settings import PairSettings, PairSource
from ticketkin.pairs.silver import POSITIVE_ABOVE, silver_negatives
from ticketkin.tickets.kin import KinGroups

_BANDS = ((0.52, 0.36), (0.40, 0.45), (0.30, 0.50))
"""Of the curriculum: kin at least so similar, strangers at most, for the easy, medium and hard phase."""
_BORDER = (0.36, 0.52)
"""Base similarities between which kin and strangers mix."""
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


def chosen_sources(settings: PairSettings, given: GivenPairs | None) -> tuple[PairSource, ...]:
    """Return the sources of training pairs; 'auto' becomes those that suit an export or files of pairs.

    A file that labels kin alone has hard negatives mined beside it then. Raises
    ConfigurationError where pairs as given are asked for and there is no file of them.
    """
    if "given" in settings.sources and given is None:
        raise ConfigurationError(
            "pairs.sources names 'given', the pairs of a file, but this run reads tickets; give the pairs "
            "with --pairs FILE, or leave 'given' out"
        )
    by_default: tuple[PairSource, ...] = ("links", "hard-negatives")
    if given is not None:
        by_default = ("given",) if given.has_strangers else ("given", "hard-negatives")
    expanded = (by_default if name == "auto" else (name,) for name in settings.sources)
    return tuple(dict.fromkeys(name for names in expanded for name in names))


def draw_training_pairs(drawing: Drawing, sources: Sequence[PairSource]) -> list[NamedPairs]:
    """Return the pairs of all sources, in their order.

    Raises NotEnoughDataError where none of them gives a positive.
    """
    drawn: list[NamedPairs] = []
    for name in sources:
        before = [part.pairs for part in drawn]
        drawn += [NamedPairs(pairs, name) for pairs in _SOURCES[name](drawing, before)]
    if not any(len(part.pairs.kin) for part in drawn):
        raise NotEnoughDataError(
            f"The pair sources {', '.join(sources)} gave no training pair of kin; name "
            "others with --set pairs.sources=links,hard-negatives, or give more links with --links FILE"
        )
    return drawn


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
    return _labelled(joined[:, 0], joined[:, 1], 1)


def hard_negatives(drawing: Drawing, positives: DrawnPairs, n_negatives: int) -> DrawnPairs:
    """Return up to `n_negatives` mined strangers for each positive, within the rows."""
    inputs, settings, rows = drawing.inputs, drawing.settings, drawing.rows
    asked, place = np.unique(np.searchsorted(rows, positives.left), return_inverse=True)
    dense = dense_neighbours(inputs.embeddings, rows, settings.n_neighbours, drawing.progress, rows[asked])
    lexical = tfidf_neighbours(drawing.words[rows], settings.n_neighbours, drawing.progress, asked).indices
    lexical = np.where(lexical >= 0, rows[lexical], -1)
    mined = mine_negatives(
        positives.left,
        positives.right,
        [dense[place], lexical[place]],
        inputs.embeddings,
        drawing.kinship,
        n_negatives,
        settings.false_negative_margin,
    )
    anchors, columns = np.nonzero(mined >= 0)
    return _labelled(positives.left[anchors], mined[anchors, columns], 0)


def _labelled(
    left: IntArray, right: IntArray, label: int, *, silver: bool = False, phase: Phase | None = None
) -> DrawnPairs:
    return DrawnPairs(left, right, np.full(len(left), label, dtype=np.int64), silver, phase)


def _given(drawing: Drawing, _: list[DrawnPairs]) -> list[DrawnPairs]:
    return list(drawing.given)


def _links(drawing: Drawing, _: list[DrawnPairs]) -> list[DrawnPairs]:
    return [kin_pairs(drawing)]


def _hard_negatives(drawing: Drawing, before: list[DrawnPairs]) -> list[DrawnPairs]:
    """Mine around the positives of the sources named before this one."""
    negatives: list[DrawnPairs] = []
    for part in before:
        if len(part.kin):
            negatives.append(hard_negatives(drawing, part.kin, drawing.settings.hard_negatives_per_positive))
    return negatives


def _tfidf_hybrid(drawing: Drawing, _: list[DrawnPairs]) -> list[DrawnPairs]:
    """Draw 40 % alike in words, the rest unlike: hard ones of one category, easy ones across."""
    settings = drawing.settings
    alike = _alike_in_words(drawing)
    n_positives = min(len(alike), round(settings.n_drawn * (1 - settings.hybrid_hard_share) * 4 / 7))
    chosen = np.sort(drawing.generator.choice(len(alike), n_positives, replace=False))
    left, right = silver_negatives(
        drawing.inputs.tickets,
        drawing.words,
        drawing.rows,
        drawing.kinship,
        n_positives,
        drawing.generator,
        settings.hybrid_hard_share,
    )
    positives = _labelled(alike[chosen, 0], alike[chosen, 1], 1, silver=True)
    return [positives, _labelled(left, right, 0, silver=True)]


def _cross_category(drawing: Drawing, _: list[DrawnPairs]) -> list[DrawnPairs]:
    """Draw pairs alike in words whose categories differ, against a model that leans on the category."""
    category = drawing.inputs.tickets.frame["category"].to_numpy()
    alike = _alike_in_words(drawing)
    named = (category[alike[:, 0]] != "") & (category[alike[:, 1]] != "")
    across = alike[named & (category[alike[:, 0]] != category[alike[:, 1]])]
    n = min(len(across), drawing.settings.n_drawn)
    chosen = np.sort(drawing.generator.choice(len(across), n, replace=False))
    return [_labelled(across[chosen, 0], across[chosen, 1], 1, silver=True)]


def _curriculum_bands(drawing: Drawing, _before: list[DrawnPairs]) -> list[DrawnPairs]:
    """Draw by bands of the untouched similarity: each phase takes what the one before did not."""
    left, right, similarity = _random_and_near(drawing)
    linked = drawing.kinship.related(left, right)
    bands: list[DrawnPairs] = []
    n = drawing.settings.n_drawn // (2 * len(_BANDS))
    kin_below, strangers_above = np.inf, -np.inf
    for phase, (kin_from, strangers_to) in zip(Phase, _BANDS, strict=True):
        kin = np.flatnonzero((similarity >= kin_from) & (similarity < kin_below))[:n]
        strangers = np.flatnonzero((similarity <= strangers_to) & (similarity > strangers_above) & ~linked)
        strangers = np.setdiff1d(strangers, kin)[:n]
        bands += [
            _labelled(left[places], right[places], label, silver=True, phase=phase)
            for places, label in ((kin, 1), (strangers, 0))
        ]
        kin_below, strangers_above = kin_from, strangers_to
    return bands


def _borderline(drawing: Drawing, _before: list[DrawnPairs]) -> list[DrawnPairs]:
    """Take the pairs in the band where kin and strangers mix, labelled by people's links."""
    embeddings, groups = drawing.inputs.embeddings, drawing.inputs.groups.group
    low, high = _BORDER

    def on_border(left: IntArray, right: IntArray) -> IntArray:
        similarity = np.einsum("ij,ij->i", embeddings[left], embeddings[right])
        return np.flatnonzero((similarity >= low) & (similarity <= high))

    kin = kin_pairs(drawing)
    kept = on_border(kin.left, kin.right)
    left, right, _similarity = _random_and_near(drawing)
    strangers = ~drawing.kinship.related(left, right) & (groups[left] != groups[right])
    left, right = left[strangers], right[strangers]
    places = on_border(left, right)[: max(len(kept), drawing.settings.n_drawn // 2)]
    return [_labelled(kin.left[kept], kin.right[kept], 1), _labelled(left[places], right[places], 0)]


def _alike_in_words(drawing: Drawing) -> IntArray:
    """Return row pairs above .5 TF-IDF cosine, shape (n, 2), each once."""
    rows = drawing.rows
    neighbours = tfidf_neighbours(drawing.words[rows], drawing.settings.n_neighbours, drawing.progress)
    places, columns = np.nonzero(neighbours.similarities > POSITIVE_ABOVE)
    others = neighbours.indices[places, columns]
    candidates = np.unique(np.sort(np.stack([rows[places], rows[others]], axis=1), axis=1), axis=0)
    return np.asarray(candidates.reshape(-1, 2), dtype=np.int64)


def _random_and_near(drawing: Drawing) -> tuple[IntArray, IntArray, FloatArray]:
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


_SOURCES: dict[str, Callable[[Drawing, list[DrawnPairs]], list[DrawnPairs]]] = {
    "given": _given,
    "links": _links,
    "hard-negatives": _hard_negatives,
    "tfidf-hybrid": _tfidf_hybrid,
    "curriculum-bands": _curriculum_bands,
    "cross-category-positives": _cross_category,
    "borderline": _borderline,
}
