"""Where training pairs come from, each source by name; they combine in the order they are named.

Only `links` and what is mined around its pairs stand on what people stated. The other sources draw labels
from similarities: such pairs are marked silver, and circular labels are reported.
"""

from collections.abc import Callable, Sequence

import numpy as np

from ticketkin.core.errors import ConfigurationError, NotEnoughDataError
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.lexical.neighbours import tfidf_neighbours
from ticketkin.pairs.curricula import borderline, category_phases, curriculum_bands
from ticketkin.pairs.drawing import Drawing, kin_pairs, labelled
from ticketkin.pairs.drawn import DrawnPairs, NamedPairs
from ticketkin.pairs.given_splits import GivenPairs
from ticketkin.pairs.mining import dense_neighbours, mine_negatives
from ticketkin.pairs.settings import BY_DEFAULT, PairSettings, PairSource
from ticketkin.pairs.silver import POSITIVE_ABOVE, silver_negatives

_STRANGERS_IN_WORDS = (0.3, 0.5)
"""TF-IDF cosines of 'tfidf-hard-negatives': alike in words, and not as alike as most duplicates."""


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
    by_default = BY_DEFAULT
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
    return labelled(positives.left[anchors], mined[anchors, columns], 0)


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
    positives = labelled(alike[chosen, 0], alike[chosen, 1], 1, silver=True)
    return [positives, labelled(left, right, 0, silver=True)]


def _cross_category(drawing: Drawing, _: list[DrawnPairs]) -> list[DrawnPairs]:
    """Draw pairs alike in words whose categories differ, against a model that leans on the category."""
    category = drawing.inputs.tickets.frame["category"].to_numpy()
    alike = _alike_in_words(drawing)
    named = (category[alike[:, 0]] != "") & (category[alike[:, 1]] != "")
    across = alike[named & (category[alike[:, 0]] != category[alike[:, 1]])]
    n = min(len(across), drawing.settings.n_drawn)
    chosen = np.sort(drawing.generator.choice(len(across), n, replace=False))
    return [labelled(across[chosen, 0], across[chosen, 1], 1, silver=True)]


def _tfidf_hard_negatives(drawing: Drawing, _: list[DrawnPairs]) -> list[DrawnPairs]:
    """Draw strangers whose TF-IDF cosine lies between .3 and .5: no link joins them, near as they are."""
    low, high = _STRANGERS_IN_WORDS
    pairs = _near_in_words(drawing, low, high)
    pairs = pairs[~drawing.kinship.related(pairs[:, 0], pairs[:, 1])]
    n = min(len(pairs), drawing.settings.n_drawn)
    chosen = np.sort(drawing.generator.choice(len(pairs), n, replace=False))
    return [labelled(pairs[chosen, 0], pairs[chosen, 1], 0)]


def _alike_in_words(drawing: Drawing) -> IntArray:
    """Return row pairs above .5 TF-IDF cosine, shape (n, 2), each once."""
    return _near_in_words(drawing, POSITIVE_ABOVE, np.inf)


def _near_in_words(drawing: Drawing, above: float, up_to: float) -> IntArray:
    """Return row pairs by their TF-IDF cosine, among the nearest of each ticket, shape (n, 2), each once."""
    rows = drawing.rows
    neighbours = tfidf_neighbours(drawing.words[rows], drawing.settings.n_neighbours, drawing.progress)
    similarities: FloatArray = neighbours.similarities
    places, columns = np.nonzero((similarities > above) & (similarities <= up_to))
    others = neighbours.indices[places, columns]
    candidates = np.unique(np.sort(np.stack([rows[places], rows[others]], axis=1), axis=1), axis=0)
    return np.asarray(candidates.reshape(-1, 2), dtype=np.int64)


_SOURCES: dict[str, Callable[[Drawing, list[DrawnPairs]], list[DrawnPairs]]] = {
    "given": _given,
    "links": _links,
    "hard-negatives": _hard_negatives,
    "tfidf-hybrid": _tfidf_hybrid,
    "tfidf-hard-negatives": _tfidf_hard_negatives,
    "curriculum-bands": curriculum_bands,
    "category-phases": category_phases,
    "cross-category-positives": _cross_category,
    "borderline": borderline,
}
