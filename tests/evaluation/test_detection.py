"""Detection at the base rate against a plain loop, and thresholds that keep their promise."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ticketkin.core.tables import FloatArray, IntArray, Visibility

_BENCHMARK = Path(__file__).parents[2] / "benchmarks/detection.py"
_spec = importlib.util.spec_from_file_location("benchmarks_detection", _BENCHMARK)
assert _spec is not None and _spec.loader is not None
detection = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = detection
_spec.loader.exec_module(detection)


class TableRanker:
    """Similarities as given."""

    name = "table"

    def __init__(self, table: FloatArray) -> None:
        self.table = table

    def similarities(self, queries: IntArray, visibility: Visibility) -> FloatArray:
        return self.table[queries]

    def pair_similarities(self, left: IntArray, right: IntArray) -> FloatArray:
        return self.table[left, right]


@settings(max_examples=60, deadline=None)
@given(n=st.integers(2, 12), timed=st.booleans(), data=st.data())
def test_detections_and_rates_equal_a_plain_loop(n: int, timed: bool, data: st.DataObject) -> None:
    values = st.floats(-1, 1, width=32)
    table = data.draw(arrays(np.float32, (n, n), elements=values, unique=True))
    groups = data.draw(arrays(np.int64, n, elements=st.integers(0, n // 2)))
    order = np.array(data.draw(st.permutations(range(n)))) if timed else None
    threshold = data.draw(values)
    detections = detection.detect(TableRanker(table), np.arange(n), groups, Visibility(n, order))
    n_reported = right = with_kin = 0
    for ticket in range(n):
        seen = [o for o in range(n) if o != ticket and (order is None or order[o] < order[ticket])]
        with_kin += any(groups[o] == groups[ticket] for o in seen)
        if not seen:
            assert detections.candidates[ticket] == -1
            continue
        best = max(seen, key=lambda o: table[ticket, o])
        assert detections.candidates[ticket] == best
        if table[ticket, best] >= threshold:
            n_reported += 1
            right += groups[best] == groups[ticket]
    rates = detection.detection_rates(detections, threshold, 50, 0)
    assert (rates.n_tickets, rates.n_with_kin) == (n, with_kin)
    assert rates.reported_per_1000.value == pytest.approx(1000 * n_reported / n)
    assert rates.false_alarms_per_1000.value == pytest.approx(1000 * (n_reported - right) / n)
    assert rates.precision.value == (pytest.approx(right / n_reported) if n_reported else None)
    assert rates.recall.value == (pytest.approx(right / with_kin) if with_kin else None)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 200), budget=st.floats(0, 500), seed=st.integers(0, 99))
def test_a_threshold_keeps_its_budget_and_is_the_lowest_that_does(n: int, budget: float, seed: int) -> None:
    draw = np.random.default_rng(seed)
    similarities = np.round(draw.random(n), 2).astype(np.float32)  # many ties
    detections = detection.Detections(
        np.arange(n), np.arange(n), similarities, draw.random(n) < 0.3, np.ones(n, dtype=bool), np.arange(n)
    )
    wrong = np.flatnonzero(~detections.is_right)
    threshold = detections.threshold_for(budget)
    alarms = (similarities[wrong] >= threshold).sum()
    assert alarms <= budget / 1000 * n
    lower = similarities[similarities < threshold]
    if len(lower):
        assert (similarities[wrong] >= lower.max()).sum() > int(budget / 1000 * n)


def test_a_threshold_for_each_ticket_and_no_ticket_reported() -> None:
    detections = detection.Detections(
        np.arange(4), np.array([1, 0, 3, 2]), np.full(4, 0.5, np.float32),
        np.array([True, False, True, False]), np.ones(4, dtype=bool), np.arange(4),
    )  # fmt: skip
    rates = detection.detection_rates(detections, np.array([0.4, 0.6, 0.6, 0.4], np.float32), 100, 0)
    assert (rates.reported_per_1000.value, rates.false_alarms_per_1000.value) == (500, 250)
    assert (rates.precision.value, rates.recall.value) == (0.5, 0.25)
    nothing = detection.detection_rates(detections, 0.9, 100, 0)
    assert nothing.precision.value is None and nothing.recall.value == 0
