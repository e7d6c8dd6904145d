"""What each criterion of readiness asks; the tier is tested with what is said, in `relations/`."""

import pytest

from ticketkin.core.checks import Check, Outcome
from ticketkin.evaluation.bootstrap import Interval
from ticketkin.evaluation.metric_results import Confusion, Metric, PairDecisions, Retrieval, SplitResult
from ticketkin.evaluation.readiness import assess
from ticketkin.evaluation.schema import CriterionResult
from ticketkin.evaluation.settings import ReadinessSettings


def _result(area: float, mrr: float, rate: float = 0.05) -> SplitResult:
    def metric(value: float) -> Metric:
        return Metric(value=value, low=value - 0.02, high=value + 0.02)

    pairs = {
        "roc_auc": metric(area),
        "spearman": metric(0.83),
        "spearman_ceiling": Metric(value=0.866, low=None, high=None),
        "false_positive_rate": metric(rate),
    }
    counts = Confusion(true_positive=1, false_positive=1, false_negative=1, true_negative=1)
    return SplitResult(
        labels_from="person",
        retrieval=Retrieval(n_queries=2, n_clusters=1, n_candidates=9, metrics={"mrr": metric(mrr)}),
        pairs=PairDecisions(n_positive=2, n_negative=2, confusion=counts, prevalence=0.01, metrics=pairs),
    )


def _assess(
    area: float = 0.97,
    gain: float = 0.05,
    rate: float = 0.05,
    after: float = 0.7,
    latency: float = 50,
    shortcut: Outcome = Outcome.PASSED,
    leakage: Outcome = Outcome.PASSED,
) -> dict[str, CriterionResult]:
    criteria = assess(
        _result(area, 0.7),
        _result(area, after, rate),
        [Check("category_shortcut", shortcut, "ROC-AUC 0.9"), Check("leakage", leakage, "two splits")],
        beats_baseline=Interval(gain, gain - 0.02, gain + 0.02),
        latency_ms=latency,
        settings=ReadinessSettings(),
    )
    return {criterion.name: criterion for criterion in criteria}


@pytest.mark.parametrize(
    ("criteria", "not_met"),
    [
        (_assess(), set()),
        (_assess(latency=2_000), {"latency_ms"}),
        (_assess(after=0.6), {"holdout_gap"}),
        (_assess(shortcut=Outcome.SKIPPED), {"category_shortcut"}),
        (_assess(area=0.9), {"roc_auc"}),
        (_assess(rate=0.4), {"false_positive_rate"}),
        (_assess(gain=0.01), {"beats_baseline"}),
        (_assess(leakage=Outcome.FAILED), {"failed_checks"}),
        (_assess(leakage=Outcome.WARNING), set()),
    ],
)
def test_criteria_are_met_or_not(criteria: dict[str, CriterionResult], not_met: set[str]) -> None:
    assert {name for name, one in criteria.items() if not one.passed} == not_met


def test_a_criterion_says_how_far_it_is_from_its_target() -> None:
    by_name = _assess(area=0.9, latency=600, gain=0.01)
    assert by_name["roc_auc"].gap == pytest.approx(-0.05) and not by_name["roc_auc"].passed
    assert by_name["latency_ms"].gap == pytest.approx(-100) and not by_name["latency_ms"].passed
    assert by_name["false_positive_rate"].gap == pytest.approx(0.15)
    assert not by_name["beats_baseline"].passed  # the interval holds zero
    assert "ceiling here is 0.866" in by_name["spearman"].note
