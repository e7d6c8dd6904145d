"""Sources of training pairs that choose by difficulty: bands of similarity, categories, the border."""

import numpy as np

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import BoolArray, FloatArray, IntArray, Phase, field_codes
from ticketkin.pairs.drawing import Drawing, kin_pairs, labelled, random_and_near
from ticketkin.pairs.drawn import DrawnPairs

_BANDS = {Phase.EASY: (0.52, 0.36), Phase.MEDIUM: (0.40, 0.45), Phase.HARD: (0.30, 0.50)}
"""Of the curriculum: kin at least so similar, strangers at most."""
_SURELY_KIN = 0.50
"""Pairs that nobody linked are kin above it alone: below lies what a phase calls strangers."""
_BORDER = (0.36, 0.52)
"""Base similarities between which kin and strangers mix."""


def curriculum_bands(drawing: Drawing, _before: list[DrawnPairs]) -> list[DrawnPairs]:
    """Draw by bands of the untouched similarity, each phase nearer to where kin and strangers meet.

    Where bands overlap, people's links alone make kin, so that no phase calls less alike pairs kin than
    another calls strangers. The hard phase takes the nearest to the border, the easy one any of its band.
    """
    pairs, similarity = _with_kin(drawing)
    left, right = pairs[:, 0], pairs[:, 1]
    groups = drawing.inputs.groups.group
    linked = groups[left] == groups[right]
    related = drawing.kinship.related(left, right)
    could_be_kin = linked | (~related & (similarity > _SURELY_KIN))
    free = np.ones(len(pairs), dtype=np.bool_)
    n = drawing.settings.n_drawn // (2 * len(_BANDS))
    n_kin = min(n, max(1, int((could_be_kin & (similarity >= _BANDS[Phase.HARD][0])).sum()) // len(_BANDS)))
    drawn = []
    for phase, (kin_from, strangers_to) in reversed(_BANDS.items()):
        kin = free & could_be_kin & (similarity >= kin_from)
        strangers = free & ~related & (similarity <= strangers_to)
        for label, eligible, hardness, wanted in (
            (1, kin, -similarity, n_kin), (0, strangers, similarity, n),
        ):  # fmt: skip
            places = _hardest(eligible, hardness, wanted, any_order=phase is Phase.EASY)
            free[places] = False
            drawn.append(labelled(left[places], right[places], label, silver=True, phase=phase))
    return drawn[::-1]


def _with_kin(drawing: Drawing) -> tuple[IntArray, FloatArray]:
    """Return shuffled pairs, shape (n, 2), all of people's kin among them, with their base similarity."""
    left, right, _ = random_and_near(drawing)
    kin = kin_pairs(drawing)
    pairs = np.concatenate([np.stack([left, right], axis=1), np.stack([kin.left, kin.right], axis=1)])
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    pairs = pairs[drawing.generator.permutation(len(pairs))]
    return pairs, _base_similarity(drawing, pairs[:, 0], pairs[:, 1])


def _hardest(eligible: BoolArray, hardness: FloatArray, wanted: int, *, any_order: bool) -> IntArray:
    """Return the places of the hardest eligible pairs, or of any."""
    places = np.flatnonzero(eligible)
    if not any_order:
        places = places[np.argsort(-hardness[places], kind="stable")]
    return places[:wanted]


def _base_similarity(drawing: Drawing, left: IntArray, right: IntArray) -> FloatArray:
    embeddings = drawing.inputs.embeddings
    similarity: FloatArray = np.einsum("ij,ij->i", embeddings[left], embeddings[right])
    return similarity


def _on_border(drawing: Drawing, left: IntArray, right: IntArray) -> BoolArray:
    low, high = _BORDER
    similarity = _base_similarity(drawing, left, right)
    return (similarity >= low) & (similarity <= high)


def _strangers(drawing: Drawing) -> tuple[IntArray, IntArray]:
    """Return shuffled pairs, random and near ones, that no link joins."""
    left, right, _ = random_and_near(drawing)
    apart = ~drawing.kinship.related(left, right)
    return left[apart], right[apart]


def borderline(drawing: Drawing, _before: list[DrawnPairs]) -> list[DrawnPairs]:
    """Take the pairs in the band where kin and strangers mix, labelled by people's links."""
    kin = kin_pairs(drawing)
    kept = np.flatnonzero(_on_border(drawing, kin.left, kin.right))
    left, right = _strangers(drawing)
    places = np.flatnonzero(_on_border(drawing, left, right))[: max(len(kept), drawing.settings.n_drawn // 2)]
    return [labelled(kin.left[kept], kin.right[kept], 1), labelled(left[places], right[places], 0)]


def category_phases(drawing: Drawing, _before: list[DrawnPairs]) -> list[DrawnPairs]:
    """Take people's kin and strangers in phases by what the category gives away.

    Easy: kin of one category, strangers of two. Medium: kin of two, strangers of one. Hard: the pairs on the
    border of the untouched similarity, whatever their categories. Kin without a category are easy. Raises
    NotEnoughDataError where no ticket of the split has a category.
    """
    category = field_codes(drawing.inputs.tickets.frame["category"])
    if (category[drawing.rows] < 0).all():
        raise NotEnoughDataError(
            "The pair source category-phases needs categories and the training tickets have none; map the "
            "column with --map category=COLUMN, or leave it out of pairs.sources"
        )
    n_strangers = drawing.settings.n_drawn // (2 * len(Phase))
    drawn = []
    kin = kin_pairs(drawing)
    for label, (left, right) in ((1, (kin.left, kin.right)), (0, _strangers(drawing))):
        known = (category[left] >= 0) & (category[right] >= 0)
        same = category[left] == category[right]
        border = _on_border(drawing, left, right)
        is_easy = same | ~known if label == 1 else known & ~same
        is_medium = known & (~same if label == 1 else same)
        of_phase = {Phase.EASY: ~border & is_easy, Phase.MEDIUM: ~border & is_medium, Phase.HARD: border}
        for phase, chosen in of_phase.items():
            places = np.flatnonzero(chosen)[: len(left) if label == 1 else n_strangers]
            drawn.append(labelled(left[places], right[places], label, phase=phase))
    return drawn
