"""The fixed pairs that judge: of a split, or of all links where folds judge."""

import numpy as np

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import IntArray
from ticketkin.core.wording import number_of
from ticketkin.pairs.account import LabelCounts
from ticketkin.pairs.drawing import Drawing, kin_pairs
from ticketkin.pairs.drawn import DrawnPairs, NamedPairs
from ticketkin.pairs.mining import KinshipCodes
from ticketkin.pairs.silver import silver_negatives
from ticketkin.pairs.sources import hard_negatives

# Half of the negatives are hard (mined), half random: a desk meets both.
_HARD_SHARE = 0.5
_DRAWS_PER_NEGATIVE = 4


def given_fixed_pairs(
    drawing: Drawing, where: str, negatives_per_positive: int, *, is_frozen: bool
) -> list[NamedPairs]:
    """Return the pairs given to judge on; too few strangers are made up for unless the pairs are frozen.

    `where` names them in the error. Raises NotEnoughDataError without kin, or where frozen pairs lack a
    label.
    """
    labels = np.concatenate([np.zeros(0, dtype=np.int64), *(part.label for part in drawing.given)])
    counts = LabelCounts.of(labels)
    if not counts.kin or (is_frozen and not counts.strangers):
        raise NotEnoughDataError(
            f"{where} holds {counts.kin} given pairs of kin and {counts.strangers} of strangers; give more "
            "pairs, or another --seed"
        )
    given = [NamedPairs(part, "given") for part in drawing.given]
    if is_frozen or counts.strangers >= counts.kin:
        return given
    reason = (
        f"as the {number_of(counts.strangers, 'stranger')} given there are fewer than the {counts.kin:,} kin"
    )
    return [
        *given,
        *(
            NamedPairs(strangers, "drawn strangers", reason)
            for part in drawing.given
            for strangers in _fixed_negatives(drawing, part.kin, negatives_per_positive)
        ),
    ]


def linked_fixed_pairs(drawing: Drawing, where: str, negatives_per_positive: int | None) -> list[NamedPairs]:
    """Return kin and strangers to judge on; without their number those of the silver recipe.

    `where` names them in the error. Raises NotEnoughDataError without kin.
    """
    positives = kin_pairs(drawing)
    if not len(positives):
        raise NotEnoughDataError(
            f"{where} has no pair of kin; give more links with --links FILE or another --seed"
        )
    if negatives_per_positive is None:
        left, right = silver_negatives(
            drawing.inputs.tickets,
            drawing.words,
            drawing.rows,
            drawing.kinship,
            len(positives),
            drawing.generator,
        )
        negatives = [DrawnPairs(left, right, np.zeros(len(left), dtype=np.int64), silver=True)]
    else:
        negatives = _fixed_negatives(drawing, positives, negatives_per_positive)
    return [NamedPairs(positives, "links"), *(NamedPairs(part, "drawn strangers") for part in negatives)]


def _fixed_negatives(
    drawing: Drawing, positives: DrawnPairs, negatives_per_positive: int
) -> list[DrawnPairs]:
    """Return the strangers to judge beside `positives`, half mined and half drawn at random."""
    n_hard = max(1, round(negatives_per_positive * _HARD_SHARE))
    n_random = (negatives_per_positive - n_hard) * len(positives)
    left, right = _random_negatives(drawing.rows, drawing.kinship, n_random, drawing.generator)
    return [
        hard_negatives(drawing, positives, n_hard),
        DrawnPairs(left, right, np.zeros(len(left), dtype=np.int64)),
    ]


def _random_negatives(
    rows: IntArray, kinship: KinshipCodes, n_negatives: int, generator: np.random.Generator
) -> tuple[IntArray, IntArray]:
    if len(rows) < 2 or not n_negatives:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    drawn = rows[generator.integers(0, len(rows), (n_negatives * _DRAWS_PER_NEGATIVE, 2))]
    left, right = drawn[:, 0], drawn[:, 1]
    allowed = (left != right) & ~kinship.related(left, right)
    return left[allowed][:n_negatives], right[allowed][:n_negatives]
