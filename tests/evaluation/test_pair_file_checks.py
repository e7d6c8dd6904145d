"""Checks of labelled pairs as they are given, on sound pairs and on pairs with the fault they exist for."""

import numpy as np
import polars as pl
import pytest

from ticketkin.core.checks import Outcome
from ticketkin.core.tables import FloatArray, IntArray, Labeller
from ticketkin.evaluation.diagnostics.labels import LabelledPairs
from ticketkin.evaluation.diagnostics.pair_files import (
    GivenLabels,
    circular_labels_as_given,
    mismatch_with_frozen_test,
    phases_get_harder,
)


def _pairs(similarity: FloatArray, label: IntArray, phase: IntArray, origin: str = "file") -> LabelledPairs:
    n = len(label)
    frame = pl.DataFrame({
        "label": label, "phase": phase, "split": ["train"] * n, "origin": [origin] * n,
        "lexical_similarity": similarity, "base_similarity": similarity,
    })  # fmt: skip
    rows = np.arange(n)
    return LabelledPairs(frame, rows, rows + n, [f"text {row}" for row in range(2 * n)], np.arange(2 * n))


def _phases(gaps: tuple[float, float, float], origin: str = "file") -> LabelledPairs:
    """A hundred pairs a phase; kin are more alike than strangers by the phase's gap, in deviations."""
    draw = np.random.default_rng(0)
    label = np.tile([0, 1], 150)
    phase = np.repeat([1, 2, 3], 100)
    similarity = label * np.array(gaps)[phase - 1] + draw.normal(0, 1, 300)
    return _pairs(similarity.astype(np.float32), label, phase, origin)


@pytest.mark.parametrize(
    ("gaps", "outcome", "words"),
    [
        ((4, 2, 0.5), Outcome.PASSED, "phase 1 0.99"),
        ((2, 2, 2), Outcome.PASSED, "or harder"),
        ((4, 1, -1), Outcome.PASSED, "phase 3 0.3"),
        ((0.5, 2, 4), Outcome.FAILED, "runs backwards"),
        ((4, 0.5, 2), Outcome.WARNING, "phase 3 is easier than phase 2"),
    ],
)
def test_a_curriculum_is_measured(gaps: tuple[float, float, float], outcome: Outcome, words: str) -> None:
    check = phases_get_harder(_phases(gaps))
    assert check.outcome is outcome and words in check.evidence, check.evidence


def test_labels_of_a_similarity_that_contradict_it_fail() -> None:
    check = phases_get_harder(_phases((4, 1, -1), origin="silver"))
    assert check.outcome is Outcome.FAILED and "phase 3 calls pairs kin that are less alike" in check.evidence


def test_one_phase_is_no_curriculum() -> None:
    pairs = _phases((4, 2, 1))
    alone = _pairs(pairs.similarities("base"), pairs.labels, np.ones(300, dtype=np.int64))
    assert phases_get_harder(alone).outcome is Outcome.SKIPPED


def _given(
    gaps: tuple[float, float], labeller: Labeller = "unknown", cut_by: str | None = None
) -> GivenLabels:
    """Two hundred training and two hundred test pairs; kin are more alike than strangers by a gap each."""
    draw = np.random.default_rng(1)
    labels, is_test = np.tile([0, 1], 200), np.repeat([False, True], 200)
    words = draw.normal(0, 1, 400).astype(np.float32)
    base = (labels * np.where(is_test, gaps[1], gaps[0]) + draw.normal(0, 1, 400)).astype(np.float32)
    similarities = {"base": base, "words": words}
    if cut_by is not None:
        values = similarities[cut_by]
        labels = np.where(is_test, labels, (values > np.median(values)).astype(np.int64))
    return GivenLabels(labels, is_test, similarities, labeller)


def test_labels_of_one_file_that_a_similarity_cut_are_circular() -> None:
    for way in ("words", "base"):
        check = circular_labels_as_given(_given((1, 1), cut_by=way))
        assert check.outcome is Outcome.FAILED
        assert (
            f"a threshold on one similarity ({way}) reproduces the labels of the training" in check.evidence
        )
    assert circular_labels_as_given(_given((1, 1))).outcome is Outcome.PASSED


@pytest.mark.parametrize("labeller", ["rule", "model"])
def test_labels_that_no_person_made_are_circular_whatever_they_look_like(labeller: Labeller) -> None:
    check = circular_labels_as_given(_given((1, 1), labeller))
    assert check.outcome is Outcome.FAILED and f"a {labeller} made the labels" in check.evidence


@pytest.mark.parametrize(
    ("gaps", "outcome", "words"),
    [
        ((5, 1.5), Outcome.WARNING, "training pairs are easier than the frozen test"),
        ((1.5, 1.5), Outcome.PASSED, "training 0.8"),
        ((0.5, 5), Outcome.WARNING, "the frozen test is easier"),
        ((0.1, -0.2), Outcome.WARNING, "the wrong way round"),
    ],
)
def test_the_test_is_compared_with_the_training_pairs_alone(
    gaps: tuple[float, float], outcome: Outcome, words: str
) -> None:
    check = mismatch_with_frozen_test(_given(gaps))
    assert check is not None and check.outcome is outcome and words in check.evidence


def test_without_a_test_file_nothing_is_compared() -> None:
    given = _given((1, 1))
    alone = GivenLabels(given.labels, np.zeros(400, dtype=np.bool_), given.similarities, "unknown")
    assert mismatch_with_frozen_test(alone) is None
