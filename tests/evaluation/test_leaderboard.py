"""Significance on a leaderboard: Holm's correction, and no difference called one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketkin.evaluation.bootstrap import Interval
from ticketkin.evaluation.leaderboard import ModelComparison, ModelCost, Row, leaderboard
from ticketkin.evaluation.model_decisions import decide_in_folds
from ticketkin.evaluation.multiplicity import holm
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.retrieval import RetrievalScores
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.evaluation.thresholds import choose_threshold
from ticketkin.reports.leaderboard import recommendation_words

COST = ModelCost(100.0, 90.0, 384, 1_536, "bert 6 x 384, 256 tokens", "apache-2.0")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_equals_its_definition(values: list[float]) -> None:
    corrected = holm({str(place): value for place, value in enumerate(values)})
    order = sorted(range(len(values)), key=lambda place: values[place])
    expected = 0.0
    for rank, place in enumerate(order):
        expected = max(expected, min(1.0, values[place] * (len(values) - rank)))
        assert corrected[str(place)] == pytest.approx(expected)
    assert all(corrected[str(place)] >= value for place, value in enumerate(values))


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
    rows = leaderboard(
        retrieval, dict.fromkeys(retrieval, pairs), dict.fromkeys(retrieval, COST), "base", 500, 0
    )
    by_name = {row.name: row for row in rows}
    assert rows[0].name == "better"
    assert by_name["better"].p_value == pytest.approx(2 * 2 / 501)
    assert by_name["noise"].p_value > 0.05
    assert by_name["base"].p_value is None
    with pytest.raises(ValueError, match="different queries"):
        leaderboard({**retrieval, "few": _scores(base[:9])}, {}, {}, "base", 500, 0)


def _row(
    name: str, behind: tuple[float, float, float], rate: float, licence: str = "mit", architecture: str = ""
) -> Row:
    """Return a row of a model with an architecture of its own, unless one is given."""
    behind_best = Interval(*behind)
    cost = ModelCost(rate, 90.0, 384, 1_536, architecture or name, licence)
    return Row(name, {}, Interval(0.0, 0.0, 0.0), None, None, behind_best, cost)


def _board(*rows: Row, labels_from: str = "person") -> ModelComparison:
    return ModelComparison(
        list(rows), {}, "base", "links", "mrr", 90, 90, 40, labels_from, "", {}, "pairs", []
    )


def _recommended(*rows: Row, labels_from: str = "person") -> str | None:
    recommended = _board(*rows, labels_from=labels_from).recommendation
    return None if recommended is None else recommended.model.name


BEST = (0.0, 0.0, 0.0)
LEVEL = (-0.004, -0.03, 0.02)
FURTHER = (-0.02, -0.05, 0.01)
WORSE = (-0.008, -0.012, -0.003)


def test_a_model_must_be_measurably_better_to_replace_the_baseline() -> None:
    assert _recommended(_row("other", BEST, 40), _row("base", LEVEL, 100)) == "base"
    assert _recommended(_row("other", BEST, 40), _row("base", WORSE, 100)) == "other"


def test_speed_decides_only_where_labels_cannot_tell_two_models_apart() -> None:
    base, best = _row("base", WORSE, 100), _row("best", BEST, 40)
    assert _recommended(best, _row("fast", LEVEL, 90), base) == "fast"
    assert _recommended(best, _row("hardly faster", LEVEL, 45), base) == "best"
    assert _recommended(best, _row("too far below", FURTHER, 90), base) == "best"
    assert _recommended(best, _row("measurably worse", WORSE, 90), base) == "best"


def test_the_first_place_of_a_faster_model_is_called_no_gain_where_none_is_proven() -> None:
    first = recommendation_words(_board(_row("small", BEST, 160), _row("base", LEVEL, 100)))
    assert "can't be told from base, the model you have" in first and "gains" not in first
    assert "1.6 times as many tickets" in first
    proven = recommendation_words(_board(_row("small", BEST, 160), _row("base", WORSE, 100)))
    assert "over base it gains" in proven and "can't be told" not in proven


def test_two_models_of_one_architecture_differ_in_speed_by_noise_alone() -> None:
    """However much: the machine was busy while one of them was timed."""
    base, best = _row("base", LEVEL, 100, architecture="bert"), _row("tuned", BEST, 170, architecture="bert")
    assert "times as many" not in recommendation_words(_board(best, base))
    assert _recommended(_row("best", BEST, 40, architecture="bert"), base) == "base"
    worse = _row("base", WORSE, 30)
    equal = _row("equal", LEVEL, 170, architecture="bert")
    assert _recommended(_row("best", BEST, 40, architecture="bert"), equal, worse) == "best"
    # Of two that are fast, the better one: that the other was timed a little faster is no reason.
    fast, better = _row("fast", (-0.006, -0.03, 0.02), 95), _row("better", LEVEL, 90)
    assert _recommended(_row("best", BEST, 40), better, fast, worse) == "better"


@pytest.mark.parametrize(("rate", "said"), [(60, True), (70, False), (110, False), (145, False), (150, True)])
def test_speed_is_said_where_no_noise_makes_the_difference(rate: float, said: bool) -> None:
    words = recommendation_words(_board(_row("other", BEST, rate), _row("base", LEVEL, 100)))
    assert ("times as many tickets" in words) == said


def test_an_open_licence_comes_before_speed() -> None:
    base, best = _row("base", WORSE, 100), _row("best", BEST, 40)
    restricted, unknown = _row("fastest", LEVEL, 200, "gemma"), _row("fast", LEVEL, 150, "")
    assert _recommended(best, restricted, unknown, _row("open", LEVEL, 60), base) == "open"
    assert _recommended(_row("best", BEST, 40, ""), restricted, base) == "fastest"


def test_silver_labels_recommend_nothing() -> None:
    assert _recommended(_row("best", BEST, 40), _row("base", WORSE, 100), labels_from="silver") is None


@given(st.integers(0, 10_000))
def test_no_pair_judges_a_threshold_that_was_chosen_on_it(seed: int) -> None:
    """Counts are those of a plain loop over folds."""
    draw = np.random.default_rng(seed)
    labels, clusters = draw.integers(0, 2, 60), np.arange(60) // 3
    similarities = (labels * 0.3 + draw.normal(0, 0.3, 60)).astype(np.float32)
    settings = EvaluationSettings(folds=4, n_bootstrap=100, threshold_target="f1")
    decided = decide_in_folds(PairScores(similarities, labels, clusters), settings, seed)
    fold_of = np.random.default_rng(seed).permutation(20) % 4
    called = np.zeros(60, dtype=bool)
    for fold in range(4):
        inside = fold_of[clusters] == fold
        chosen = choose_threshold(similarities[~inside], labels[~inside], settings)
        called[inside] = similarities[inside] >= chosen.threshold
    kin = labels == 1
    assert decided.confusion.true_positive == (called & kin).sum()
    assert decided.confusion.false_positive == (called & ~kin).sum()
    assert decided.confusion.false_negative == (~called & kin).sum()
    assert decided.metrics["accuracy"].value == pytest.approx((called == kin).mean())


def test_one_cluster_of_each_label_chooses_on_all_pairs() -> None:
    scores = PairScores(np.array([0.9, 0.1], dtype=np.float32), np.array([1, 0]), np.array([0, 1]))
    decided = decide_in_folds(scores, EvaluationSettings(n_bootstrap=100), 0)
    assert decided.confusion.true_positive == decided.confusion.true_negative == 1
