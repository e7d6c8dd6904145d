"""Numbers as people read them."""

import pytest

from ticketkin.evaluation.bootstrap import Interval
from ticketkin.reports.formatting import (
    ABSENT,
    format_count,
    format_gain,
    format_interval,
    format_metric,
    format_name,
    format_seconds,
    format_share,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.6444, "0.644"), (1.0, "1.000"), (0.99996, "1.000"), (0.0, "0.000"), (-0.02, "-0.020"),
     (-1.0, "-1.000"), (-0.0001, "0.000"), (None, ABSENT), (10.5, "10.500")],
)  # fmt: skip
def test_share(value, expected):
    assert format_share(value) == expected


def test_metric_with_and_without_interval():
    assert format_metric(Interval(0.6441, 0.612, 0.677)) == "0.644 [0.61, 0.68]"
    assert format_metric(Interval(0.6441, None, None)) == "0.644"
    assert format_metric(Interval(None, None, None)) == ABSENT
    assert format_metric(None) == ABSENT
    assert format_interval(None) == ""


def test_gain_is_signed():
    assert format_gain(Interval(0.031, -0.002, 0.05)) == "+0.031 [-0.002, +0.050]"
    assert format_gain(Interval(-0.031, None, None)) == "-0.031"
    assert format_gain(Interval(None, None, None)) == ABSENT


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.04, "0.0 s"), (9.96, "10 s"), (59.7, "1 min 00 s"), (3599.9, "1 h 00 min"), (3900, "1 h 05 min"),
     (None, ABSENT)],
)  # fmt: skip
def test_seconds(seconds, expected):
    assert format_seconds(seconds) == expected


def test_count_and_name():
    assert [format_count(v) for v in (12345, True, 2.0, 0.12345, None, "x")] == [
        "12,345", "yes", "2", "0.123", ABSENT, "x",
    ]  # fmt: skip
    assert [format_name(n) for n in ("recall_at_10", "mrr", "n_kin_groups", "roc_auc", "")] == [
        "Recall@10", "MRR", "Kin groups", "ROC-AUC", "",
    ]  # fmt: skip
