"""Significance on a leaderboard: Holm's correction, and no difference called one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketkin.evaluation.leaderboard import holm, leaderboard
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.retrieval import RetrievalScores


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_equals_its_definition(values: list[float]) -> None:
    found = holm({str(place): value for place, value in enumerate(values)})
    order = sorted(range(len(values)), key=lambda place: values[place])
    expected = 0.0
    for rank, place in enumerate(order):
        expected = max(expected, min(1.0, values[place] * (len(values) - rank)))
        assert found[str(place)] == pytest.approx(expected)
    assert all(found[str(place)] >= value for place, value in enumerate(values))


def _scores(ranks: np.ndarray) -> RetrievalScores:
    n = len(ranks)
    return RetrievalScores(np.arange(n), np.arange(n) // 2, [np.array([r]) for r in ranks], 999)


def test_a_real_gain_is_significant_and_noise_is_not() -> None:
    draw = np.random.default_rng(0)
    base = draw.integers(2, 30, 200)
    retrieval = {
        "base": _scores(base),
        "better": _scores(np.maximum(1, base // 3)),
        "noise": _scores(draw.permutation(base)),
    }
    pairs = PairScores(draw.random(60).astype(np.float32), np.repeat([0, 1], 30), np.arange(60))
    rows = leaderboard(retrieval, dict.fromkeys(retrieval, pairs), {}, "base", 500, 0)
    by_name = {row.name: row for row in rows}
    assert rows[0].name == "better"
    assert by_name["better"].p_value == pytest.approx(2 * 2 / 501)
    assert by_name["noise"].p_value > 0.05
    assert by_name["base"].p_value is None
    with pytest.raises(ValueError, match="different queries"):
        leaderboard({**retrieval, "few": _scores(base[:9])}, {}, {}, "base", 500, 0)
