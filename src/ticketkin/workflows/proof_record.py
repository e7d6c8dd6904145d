"""How a verdict was reached, as report.json tells it: folds, shuffled links, power, the learning curve."""

from dataclasses import dataclass

from ticketkin.evaluation.bootstrap import PairedGain, wilson_share
from ticketkin.evaluation.cross_fitting import Choice
from ticketkin.evaluation.learning_curve import LearningCurve
from ticketkin.evaluation.metric_results import Metric
from ticketkin.evaluation.power import Power
from ticketkin.evaluation.proof_results import (
    ChoiceResult,
    Comparison,
    CrossFittingResult,
    LearningCurveResult,
    LearningPointResult,
    PowerResult,
    ShuffledResult,
)
from ticketkin.evaluation.verdict import Verdict
from ticketkin.evaluation.verdict_in_folds import ShuffledLinks
from ticketkin.workflows.judging import Judged
from ticketkin.workflows.run_data import RunData


@dataclass(frozen=True)
class Proof:
    """What the verdict rests on, as report.json holds it."""

    cross_fitting: CrossFittingResult | None
    power: PowerResult | None
    learning_curve: LearningCurveResult | None

    @classmethod
    def of(
        cls,
        data: RunData,
        judged: Judged,
        verdict: Verdict,
        shuffled: ShuffledLinks,
        curve: LearningCurve | None,
    ) -> "Proof":
        """Gather how the verdict was reached and what so many links can prove."""
        return cls(_cross_fitting(data, judged, verdict, shuffled), _power(verdict.gain), _learning(curve))


def _power(gain: PairedGain | None) -> PowerResult | None:
    """Return what so many links can prove; None where nothing was compared."""
    if gain is None:
        return None
    power = Power.of(gain)
    return PowerResult(
        n_kin_groups=power.n_kin_groups,
        smallest_provable_gain=power.smallest_provable_gain,
        n_more_kin_groups=power.n_more_kin_groups,
        gain=Comparison.of(gain),
    )


def _cross_fitting(
    data: RunData, judged: Judged, verdict: Verdict, shuffled: ShuffledLinks
) -> CrossFittingResult | None:
    """Return how the verdict was reached by folds; None where a split judged, or nothing was proven."""
    gain = verdict.gain
    if judged.folds is None or gain is None:
        return None
    result, settings = judged.folds.cross_fitted, data.job.settings
    return CrossFittingResult(
        n_folds=result.n_folds,
        n_repeats=result.n_repeats,
        n_kin_groups=gain.n_clusters,
        procedure=Comparison.of(gain),
        retrieval=result.procedure.measured(settings.evaluation.n_bootstrap, settings.seed),
        choices=[_choice(choice) for choice in result.choices],
        final=_choice(result.final),
        shuffled=ShuffledResult(
            gains=shuffled.values,
            n_yes=shuffled.n_yes,
            share_of_yes=Metric.of(wilson_share(shuffled.n_yes, len(shuffled.gains))),
        ),
        left_out=[one.candidate for one in data.left_out()],
    )


def _choice(choice: Choice) -> ChoiceResult:
    return ChoiceResult(champion=choice.champion, options=dict(choice.options))


def _learning(curve: LearningCurve | None) -> LearningCurveResult | None:
    """Return the learning curve as in report.json; None where there is none."""
    if curve is None:
        return None
    points = [
        LearningPointResult(
            share=point.share,
            n_kin_groups=point.n_kin_groups,
            gains=[Comparison.of(gain) for gain in point.gains],
        )
        for point in curve.points
    ]
    return LearningCurveResult(points=points, last_doubling=Comparison.of(curve.last_doubling))
