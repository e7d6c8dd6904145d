"""The same job over several splits: how far a result stays the same when the split changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from statistics import fmean, stdev

from ticketkin.core.artifacts import write_json
from ticketkin.core.errors import InputError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.evaluation.gains import PRIMARY
from ticketkin.evaluation.metric_definitions import Place
from ticketkin.evaluation.metric_results import Metric, Split
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.schema import Report
from ticketkin.training.candidates import slow_candidates
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import run_job
from ticketkin.workflows.run_folders import followed


@dataclass(frozen=True)
class Spread:
    """A number over the splits."""

    mean: float
    deviation: float
    """Sample standard deviation over the splits; 0 for one."""
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Summarise at least one value."""
        deviation = stdev(values) if len(values) > 1 else 0.0
        return cls(fmean(values), deviation, min(values), max(values))


@dataclass(frozen=True)
class Repeated:
    """All candidates over all splits; splits of one file overlap, so a spread is no interval."""

    seeds: list[int]
    n_queries: list[int]
    """Evaluation queries of each split."""
    metrics: dict[str, dict[str, Spread]]
    """By candidate and metric, on the evaluation links."""
    gains: dict[str, Spread]
    """Paired gain in MRR over the baseline on the evaluation links, by candidate."""
    n_above_zero: dict[str, int]
    """Splits on which the whole 95 % interval of that gain lies above zero."""
    champions: dict[str, int]
    """How often each ranking won."""
    holdout_gain: Spread | None
    """Of the champion over the baseline on the holdout, where it was not the baseline itself."""


def repeat_job(
    job: Job,
    folder: Path,
    seeds: Sequence[int],
    *,
    with_slow: bool = False,
    progress: Progress = SILENT,
    force: bool = False,
) -> Repeated:
    """Run `job` with each seed in `folder/repeats/seed-<n>` and return the averages.

    The seed decides split, sampling and training. LoRA and full tuning are left out unless `with_slow`.
    Finished splits are kept; the summary is written to `folder/repeats/repeats.json`. Raises InputError
    for no seeds, OutputRefusedError as `run_job` with the same `force`.
    """
    if not seeds:
        raise InputError("No seeds were given; write them with commas, such as --seeds 0,1,2")
    folder = followed(folder)
    settings = job.settings
    chosen = tuple(name for name in settings.candidates if with_slow or name not in slow_candidates())
    reports = []
    for number, seed in enumerate(dict.fromkeys(seeds), start=1):
        progress.say(f"Split {number} of {len(set(seeds))}, seed {seed}")
        changed = settings.model_copy(update={"seed": seed, "candidates": chosen})
        repeated = job.model_copy(update={"settings": changed})
        place = folder / artifact.REPEATS / f"seed-{seed}"
        run_job(repeated, place, progress, force=force)
        reports.append(artifact.REPORT_JSON.read(place / artifact.REPORT_JSON))
    summary = _summary(reports)
    write_json(folder / artifact.REPEATS / "repeats.json", summary)
    return summary


def _summary(reports: Sequence[Report]) -> Repeated:
    names = list(reports[0].candidates)
    metrics = {
        name: {
            metric.name: Spread.of(_known([result.metric(metric.name) for result in results]))
            for metric in METRICS.shown_in(Place.REPEATS)
        }
        for name in names
        for results in [[report.candidates[name].evaluation for report in reports]]
    }
    gains = {
        name: [gain for report in reports if (gain := _gain(report, name, "evaluation")) is not None]
        for name in names
    }
    champions = [report.verdict.champion for report in reports]
    held_out = [_gain(report, report.verdict.champion, "holdout") for report in reports]
    kept = [gain for gain in held_out if gain is not None]
    return Repeated(
        seeds=[report.seed for report in reports],
        n_queries=[report.splits["evaluation"].n_queries for report in reports],
        metrics=metrics,
        gains={name: Spread.of(_known(measured)) for name, measured in gains.items() if measured},
        n_above_zero={
            name: sum(gain.low is not None and gain.low > 0 for gain in measured)
            for name, measured in gains.items()
            if measured
        },
        champions={name: champions.count(name) for name in dict.fromkeys(champions)},
        holdout_gain=Spread.of(_known(kept)) if kept else None,
    )


def _known(metrics: Sequence[Metric]) -> list[float]:
    """Return the values that could be computed; NaN where none could."""
    return [metric.value for metric in metrics if metric.value is not None] or [nan]


def _gain(report: Report, name: str, split: Split) -> Metric | None:
    """Return the paired gain in MRR of a candidate over the baseline, or None where it was not compared."""
    for comparison in report.comparisons:
        asked = (name, report.verdict.baseline, PRIMARY, split)
        if (comparison.challenger, comparison.baseline, comparison.metric, comparison.split) == asked:
            return comparison.gain if comparison.gain.value is not None else None
    return None
