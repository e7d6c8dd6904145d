"""Checks of labelled pairs as they are given, on sound pairs and on pairs with the fault they exist for."""

import numpy as np
import polars as pl
import pytest

from ticketkin.core.checks import Outcome
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.evaluation.diagnostics.labels import LabelledPairs
from ticketkin.evaluation.diagnostics.pair_files import phases_get_harder


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
