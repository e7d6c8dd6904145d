"""Checks of a run over files of pairs, on the pairs as the files hold them."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import polars as pl

from ticketkin.core.checks import Check
from ticketkin.core.tables import FloatArray, IntArray, Labeller, SplitName, field_codes
from ticketkin.evaluation.diagnostics.pair_files import (
    GivenLabels,
    circular_labels_as_given,
    mismatch_with_frozen_test,
)
from ticketkin.evaluation.diagnostics.similarities import AdversarialPairs
from ticketkin.lexical.neighbours import paired_cosines, tfidf_matrix
from ticketkin.lexical.plain_overlap import plain_tfidf_cosines, shared_words
from ticketkin.pairs.given import SIMILARITY_KINDS
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.run_data import RunData

_MOST_PAIRS = 20_000
"""From more pairs than this, this many are drawn at random and checked."""


def labeller_of(job: Job) -> Labeller:
    """Return who labelled the pairs of files, as far as it is stated; links of an export are people's."""
    return "person" if job.pairs_file is None else job.settings.pairs.labels_from


def checks_as_given(data: RunData) -> dict[str, Check]:
    """Return by their codes the checks of labels that look at the pairs as given; none of an export."""
    if data.job.pairs_file is None:
        return {}
    given = _given_labels(data)
    checks = [circular_labels_as_given(given), mismatch_with_frozen_test(given)]
    return {check.code: check for check in checks if check is not None}


def adversarial_pairs_given(data: RunData) -> AdversarialPairs:
    """Return kin of two categories and strangers of one among the pairs given, of tickets not trained on.

    Where folds judge that is every ticket: each is scored by weights that never saw its kin. A category of ""
    is unknown and belongs to no such pair.
    """
    frame, left, right = _judged_by_similarity(data)
    trained_on = np.zeros(len(data.tickets), dtype=np.bool_)
    if not data.is_judged_in_folds:
        trained_on[data.splits.rows(data.tickets, SplitName.TRAIN)] = True
    category = field_codes(data.tickets.frame["category"])
    known = (category[left] >= 0) & (category[right] >= 0)
    labels = frame["label"].cast(pl.Int64).to_numpy()
    against = (category[left] == category[right]) == (labels == 0)
    chosen = known & against & ~(trained_on[left] | trained_on[right])
    return AdversarialPairs(left[chosen], right[chosen], labels[chosen])


def _judged_by_similarity(data: RunData) -> tuple[pl.DataFrame, IntArray, IntArray]:
    """Return the given pairs whose kind a similarity can judge, with their ticket rows."""
    frame = data.given_pairs.filter(
        pl.col("kind").is_in(list(SIMILARITY_KINDS)) & (pl.col("left") != pl.col("right"))
    )
    if frame.height > _MOST_PAIRS:
        frame = frame.sample(_MOST_PAIRS, seed=data.job.settings.seed)
    at = data.tickets.position
    left, right = (np.array([at[one] for one in frame[side]], dtype=np.int64) for side in ("left", "right"))
    return frame, left, right


def _given_labels(data: RunData) -> GivenLabels:
    frame, left, right = _judged_by_similarity(data)
    return GivenLabels(
        labels=frame["label"].cast(pl.Int64).to_numpy(),
        is_test=frame["is_test"].to_numpy(),
        similarities=_similarities(data, data.texts, left, right),
        labeller=labeller_of(data.job),
    )


def _similarities(
    data: RunData, texts: Sequence[str], left: IntArray, right: IntArray
) -> dict[str, FloatArray]:
    """Return similarities that a labeller may have cut at: the model's cosine, and several word measures."""
    embeddings = data.embeddings(artifact.BASE_EMBEDDINGS)
    base: FloatArray = np.einsum("ij,ij->i", embeddings[left], embeddings[right])
    ways: dict[str, Callable[[], FloatArray]] = {
        "stemmed words": lambda: paired_cosines(tfidf_matrix(texts), left, right),
        "words": partial(plain_tfidf_cosines, texts, left, right, longest=1),
        "words and pairs of words": partial(plain_tfidf_cosines, texts, left, right, longest=2),
        "characters": lambda: paired_cosines(tfidf_matrix(texts, "characters"), left, right),
        "shared words": partial(shared_words, texts, left, right),
    }
    return {"base": base, **{name: compared() for name, compared in ways.items()}}
