"""What encoders learn from where folds judge: all kin with mined strangers, or a file's pairs as given."""

from dataclasses import replace

import numpy as np
import polars as pl

from ticketkin.core.tables import IntArray
from ticketkin.pairs.building import phases_of
from ticketkin.pairs.mining import KinshipCodes, dense_neighbours, mine_negatives
from ticketkin.tickets.kin import KinGroups
from ticketkin.training.positives import (
    LabelledRows,
    PositivePairs,
    TrainingPairs,
    kin_positives,
    with_strangers,
)
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.run_data import RunData

# Pairs for judging in folds that people or a file labelled: they are also used for training.
_LABELLED_BY_SOMEBODY = ("given", "review")


def training_pairs(data: RunData, kin: KinGroups) -> TrainingPairs:
    """Return what encoders are trained on, of which each fold sees the pairs of units that it may see.

    The pairs of a file as they are, where the job trains on them as given; otherwise the pairs of all kin
    with mined strangers.
    """
    if not data.job.trains_as_given:
        return pairs_of_kin(data, kin)
    return _as_given(data, kin)


def pairs_of_kin(data: RunData, kin: KinGroups) -> TrainingPairs:
    """Return the pairs of all kin with their mined strangers."""
    settings = data.job.settings
    kinship = KinshipCodes.of(data.tickets, kin.group, data.links)
    base = data.embeddings(artifact.BASE_EMBEDDINGS)
    made = kin_positives(kin, base, kinship, nearest_others(data), settings.pairs, settings.seed)
    return TrainingPairs(made)


def nearest_others(data: RunData) -> IntArray:
    """Return the nearest others of each ticket by the untouched encoder, shape (n_tickets, k)."""
    base = data.embeddings(artifact.BASE_EMBEDDINGS)
    k = data.job.settings.pairs.n_neighbours
    return data.values.derive(
        ("nearest others", k),
        (artifact.TICKETS, artifact.BASE_EMBEDDINGS),
        lambda: dense_neighbours(base, np.arange(len(base)), k),
    )


def _as_given(data: RunData, kin: KinGroups) -> TrainingPairs:
    """Return the pairs of the file, its strangers beside its kin; mined ones too where sources name them."""
    given = _labelled(data, kin)
    positives = with_strangers(given.left, given.right, given.labels, given.phase, kin)
    if "hard-negatives" in data.pair_account.sources:
        positives = _with_mined(data, kin, positives)
        place, column = np.nonzero(positives.negatives >= 0)
        given = LabelledRows(
            np.concatenate([given.left, positives.left[place]]),
            np.concatenate([given.right, positives.negatives[place, column]]),
            np.concatenate([given.labels, np.zeros(len(place), dtype=np.int64)]),
            np.concatenate([given.phase, positives.phase[place]]),
        )
    return TrainingPairs(positives, given, data.pair_account.phases_from == "file")


def _labelled(data: RunData, kin: KinGroups) -> LabelledRows:
    """Return the pairs that the file or a person labelled, each with its phase.

    Pairs that a review separated are no longer kin. Where the file names no phase, it follows from the
    similarity by the untouched encoder: kin are harder the less similar they are, strangers the more similar
    they are.
    """
    frame = data.fold_pairs.filter(pl.col("source").is_in(_LABELLED_BY_SOMEBODY))
    rows = data.rows_of(frame)
    phase = frame["phase"].cast(pl.Int64).to_numpy().copy()
    base = data.embeddings(artifact.BASE_EMBEDDINGS)
    alike = np.einsum("ij,ij->i", base[rows.left], base[rows.right])
    for label, sign in ((1, -1), (0, 1)):
        unknown = (rows.labels == label) & (phase == 0)
        phase[unknown] = phases_of(sign * alike[unknown])
    kept = (rows.labels == 0) | (kin.group[rows.left] == kin.group[rows.right])
    return LabelledRows(rows.left, rows.right, rows.labels, phase).take(kept)


def _with_mined(data: RunData, kin: KinGroups, positives: PositivePairs) -> PositivePairs:
    """Return the positives with mined strangers after those that are labelled."""
    settings = data.job.settings.pairs
    mined = mine_negatives(
        positives.left,
        positives.right,
        [nearest_others(data)[positives.left]],
        data.embeddings(artifact.BASE_EMBEDDINGS),
        KinshipCodes.of(data.tickets, kin.group, data.links),
        settings.hard_negatives_per_positive,
        settings.false_negative_margin,
    )
    phase = np.broadcast_to(positives.phase[:, None], mined.shape)
    known = positives.negative_phase if positives.negative_phase is not None else positives.negatives[:, :0]
    return replace(
        positives,
        negatives=np.concatenate([positives.negatives, mined], axis=1),
        negative_phase=np.concatenate([known, phase], axis=1),
    )
