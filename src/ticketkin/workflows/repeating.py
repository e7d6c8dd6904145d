"""The same job over several splits: what stays of a result when the split is another."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from ticketkin.core.artifacts import write_json
from ticketkin.core.errors import InputError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.evaluation.metrics import METRICS, Place
from ticketkin.evaluation.verdict import PRIMARY
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

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


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
        reports.append(run_job(repeated, folder / artifact.REPEATS / f"seed-{seed}", progress, force=force))
    summary = _summary(reports)
    write_json(folder / artifact.REPEATS / "repeats.json", summary.to_json())
    return summary


def _summary(reports: Sequence[Mapping[str, Any]]) -> Repeated:
    names = list(reports[0]["candidates"])
    metrics = {
        name: {
            metric.name: Spread.of(
                [
                    value
                    for report in reports
                    if (value := report["candidates"][name]["evaluation"][metric.part][metric.name]["value"])
                    is not None
                ]
                or [float("nan")]
            )
            for metric in METRICS.shown_in(Place.REPEATS)
        }
        for name in names
    }
    gains = {name: [_gain(report, name, "evaluation") for report in reports] for name in names}
    compared = {name: [gain for gain in of_splits if gain is not None] for name, of_splits in gains.items()}
    champions = [report["verdict"]["champion"] for report in reports]
    held_out = [_gain(report, report["verdict"]["champion"], "holdout") for report in reports]
    kept = [gain["value"] for gain in held_out if gain is not None]
    return Repeated(
        seeds=[report["seed"] for report in reports],
        n_queries=[report["splits"]["evaluation"]["n_queries"] for report in reports],
        metrics=metrics,
        gains={
            name: Spread.of([gain["value"] for gain in known]) for name, known in compared.items() if known
        },
        n_above_zero={
            name: sum(gain["low"] is not None and gain["low"] > 0 for gain in known)
            for name, known in compared.items()
            if known
        },
        champions={name: champions.count(name) for name in dict.fromkeys(champions)},
        holdout_gain=Spread.of(kept) if kept else None,
    )


def _gain(report: Mapping[str, Any], name: str, split: str) -> Mapping[str, Any] | None:
    """Return the paired gain in MRR of a candidate over the baseline, or None where it was not compared."""
    baseline = report["verdict"]["baseline"]
    for comparison in report["comparisons"]:
        if (
            comparison["challenger"] == name
            and comparison["baseline"] == baseline
            and comparison["metric"] == PRIMARY
            and comparison.get("split", "evaluation") == split
        ):
            gain: Mapping[str, Any] = comparison["gain"]
            return gain if gain["value"] is not None else None
    return None
