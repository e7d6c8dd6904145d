"""How a verdict was reached, as report.json tells it: folds, shuffled links, power, the learning curve."""

from dataclasses import asdict
from typing import Any

from ticketkin.evaluation.bootstrap import wilson_share
from ticketkin.evaluation.learning_curve import LearningCurve
from ticketkin.evaluation.power import Power
from ticketkin.evaluation.verdict import Verdict
from ticketkin.evaluation.verdict_in_folds import ShuffledLinks
from ticketkin.workflows.judging import Judged
from ticketkin.workflows.run_data import RunData


def proof_record(
    data: RunData, judged: Judged, verdict: Verdict, shuffled: ShuffledLinks
) -> dict[str, dict[str, Any] | None]:
    """Return how the verdict was reached and what so many links can prove, as in report.json."""
    gain = verdict.gain
    power = None if gain is None else {**asdict(Power.of(gain)), "gain": gain.to_json()}
    if judged.folds is None or gain is None:
        return {"cross_fitting": None, "power": power}
    result, evaluation = judged.folds.cross_fitted, data.job.settings.evaluation
    return {
        "cross_fitting": {
            "n_folds": result.n_folds,
            "n_repeats": result.n_repeats,
            "n_kin_groups": gain.n_clusters,
            "procedure": gain.to_json(),
            "retrieval": result.procedure.to_json(evaluation.n_bootstrap, data.job.settings.seed),
            "choices": [asdict(choice) for choice in result.choices],
            "final": asdict(result.final),
            "shuffled": {
                "gains": shuffled.values,
                "n_yes": shuffled.n_yes,
                "share_of_yes": wilson_share(shuffled.n_yes, len(shuffled.gains)).to_json(),
            },
            "left_out": [one.candidate for one in data.left_out()],
        },
        "power": power,
    }


def learning_record(curve: LearningCurve | None) -> dict[str, Any] | None:
    """Return the learning curve as in report.json; None where there is none."""
    if curve is None:
        return None
    points = [{**asdict(point), "gains": [gain.to_json() for gain in point.gains]} for point in curve.points]
    return {"points": points, "last_doubling": curve.last_doubling.to_json()}
