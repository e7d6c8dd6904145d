"""The pairs nearest a threshold, and how they are decided."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketkin.evaluation.borderline import borderline_test
from ticketkin.evaluation.pair_decisions import PairScores


@given(n=st.integers(1, 400), threshold=st.floats(-1, 1), seed=st.integers(0, 20))
@settings(max_examples=60)
def test_no_other_pair_is_nearer_and_every_decision_is_counted(n: int, threshold: float, seed: int) -> None:
    draw = np.random.default_rng(seed)
    scores = PairScores(draw.uniform(-1, 1, n).astype(np.float32), draw.integers(0, 2, n), np.arange(n))
    test, places = borderline_test(scores, threshold)
    assert test is not None
    distance = np.abs(scores.similarities.astype(np.float64) - threshold)
    others = np.setdiff1d(np.arange(n), places)
    assert len(set(places.tolist())) == len(places) == min(n, max(20, round(0.1 * n)))
    assert not len(others) or distance[others].min() >= distance[places].max()
    assert list(distance[places]) == sorted(distance[places])
    right = [(scores.similarities[p] >= threshold) == (scores.labels[p] == 1) for p in places]
    assert sum(kind.n_right for kind in test.kinds) == sum(right)
    assert sum(kind.n_pairs for kind in test.kinds) == len(places)
    assert test.lowest <= test.highest


def test_the_border_is_harder_than_the_rest() -> None:
    labels = np.repeat([1, 0], 200)
    similarities = (labels + np.random.default_rng(0).normal(0, 0.3, 400)).astype(np.float32)
    test, _ = borderline_test(PairScores(similarities, labels, labels), 0.5)
    assert test is not None
    kin, strangers = test.kinds
    assert kin.is_kin and not strangers.is_kin
    for kind in (kin, strangers):
        assert kind.share_right_of_all is not None and kind.n_right / kind.n_pairs < kind.share_right_of_all


def test_without_a_pair_there_is_no_border() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    test, places = borderline_test(PairScores(nothing.astype(np.float32), nothing, nothing), 0.5)
    assert test is None and not len(places)
