"""Search settings of a candidate on the evaluation links, in a time budget; the holdout stays closed."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from ticketkin.core.artifacts import run_lock, write_json
from ticketkin.core.errors import InputError, JobError, MissingExtraError, MissingInputError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import SplitName
from ticketkin.encoders.loading import LoadedEncoder
from ticketkin.runs.stages import RunContext
from ticketkin.training.candidates import CANDIDATES, searched_candidates
from ticketkin.training.head import train_head
from ticketkin.training.strength import StrengthSweep
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.settings import Settings
from ticketkin.workflows.stages.training import start_of, training_positives, tuning_data_of, tuning_method
from ticketkin.workflows.sweeping import RivalSample, epoch_judge, sweep, sweep_on_sample

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

_RANKS = (4, 8, 16, 32, 64)
_ALPHA_A_RANK = 2
_NEVER = 10**6  # patience that no training outlasts: the judge only looks


@dataclass(frozen=True)
class TrialResult:
    """One combination that was tried."""

    number: int
    parameters: dict[str, Any]
    """Settings of the candidate; n_negatives is pairs.hard_negatives_per_positive."""
    mrr: float | None
    """On the evaluation links at the best strength; None where it was stopped early."""
    seconds: float


@dataclass(frozen=True)
class SearchResult:
    """All trials so far, those of earlier searches in this folder included."""

    candidate: str
    trials: list[TrialResult]
    untuned_mrr: float
    """Of the encoder that tuning starts from, on the same links."""
    n_queries: int

    @property
    def best(self) -> TrialResult | None:
        """The trial with the highest MRR."""
        finished = [trial for trial in self.trials if trial.mrr is not None]
        return max(finished, key=lambda trial: trial.mrr or 0.0, default=None)

    @property
    def assignments(self) -> list[str]:
        """The best trial's settings as `--set` takes them."""
        if self.best is None:
            return []
        shown = [_assignment(self.candidate, name, value) for name, value in self.best.parameters.items()]
        rank = self.best.parameters.get("rank")
        return shown if rank is None else [*shown, f"{self.candidate}.alpha={_ALPHA_A_RANK * rank}"]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "candidate": self.candidate,
            "untuned_mrr": self.untuned_mrr,
            "n_queries": self.n_queries,
            "trials": [vars(trial) for trial in self.trials],
            "best": None if self.best is None else vars(self.best),
            "set": self.assignments,
        }


def search_settings(
    folder: Path,
    job: Job,
    candidate: str,
    *,
    minutes: float,
    n_trials: int,
    progress: Progress = SILENT,
) -> SearchResult:
    """Try settings of `candidate` until the minutes or the trials are spent; return all trials.

    Learning rate, number of mined negatives and, for the encoder, rank and weight of the labelled loss
    are drawn by Optuna's tree-structured Parzen estimator (Akiba et al. 2019) and judged by MRR on the
    evaluation links at the best strength. Trials lie in `folder/tuning/<candidate>`; the same command goes
    on from them. A training that does worse than the median after an epoch is stopped.

    Raises MissingExtraError without optuna, InputError for another candidate, MissingInputError before
    the pairs are built, JobError if nothing finished.
    """
    if candidate not in searched_candidates():
        raise InputError(
            f"candidate {candidate!r} has no settings to search; choose {', '.join(searched_candidates())}"
        )
    if not (folder / artifact.PAIRS).exists():
        raise MissingInputError(f"{folder} holds no pairs yet. Run: ticketkin pairs {folder}")
    with run_lock(folder):
        place = folder / artifact.TUNING / candidate
        place.mkdir(parents=True, exist_ok=True)
        context = RunContext(folder, job, progress)
        study = _study(place, job.settings.seed)
        trying = _Trying(context, candidate, place, monotonic() + 60 * minutes)
        with progress.task(f"search of {candidate} settings", n_trials) as task:

            def told(study: "Study", trial: "FrozenTrial") -> None:
                task.advance()
                best = _best_value(study)
                task.describe(f"best MRR {best:.3f}" if best is not None else "none finished yet")

            study.optimize(trying, n_trials=n_trials, timeout=60 * minutes, callbacks=[told])
        result = SearchResult(
            candidate, _trials(study), trying.untuned_mrr, len(trying.data.queries(SplitName.EVALUATION))
        )
        write_json(place / "trials.json", result.to_json())
    if result.best is None:
        raise JobError(
            f"No trial of {candidate} finished within {minutes:g} minutes; give more --minutes, or shorten "
            f"the training with --set {candidate}."
            + ("epochs=3" if candidate == "head" else "epochs_per_phase=[0,0,1]")
        )
    return result


def _study(place: Path, seed: int) -> "Study":
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError(
            "Searching settings needs optuna, which is not installed; install the extra with: "
            "pip install 'ticketkin[tune]'"
        ) from error
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = JournalStorage(JournalFileBackend(str(place / "journal.jsonl")))
    study = optuna.create_study(
        study_name="settings",
        storage=storage,
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3),
    )
    if study.trials:  # a sampler seeded alike would draw its first combinations again
        study.sampler.reseed_rng()
    return study


class _Trying:
    """What Optuna calls: trains a combination and returns its MRR."""

    def __init__(self, context: RunContext[Job], candidate: str, place: Path, deadline: float) -> None:
        self._context, self._candidate, self._place, self._deadline = context, candidate, place, deadline
        self.data = RunData(context.values, context.job)
        self._start = start_of(self.data)
        self._sample = RivalSample.of(self.data, self._start.embeddings)
        self.untuned_mrr = self._sweep(lambda _: self._start.embeddings, strengths=(0.0,)).mrr[0]

    def __call__(self, trial: "Trial") -> float:
        settings = self._drawn(trial)
        found = self._head(settings) if self._candidate == "head" else self._encoder(trial, settings)
        return max(found.mrr)

    def _drawn(self, trial: "Trial") -> Settings:
        """Return the job's settings with a combination drawn around them."""
        job = self._context.job.settings
        section = getattr(job, CANDIDATES[self._candidate].section)
        changes: dict[str, Any] = {
            "learning_rate": trial.suggest_float(
                "learning_rate", section.learning_rate / 10, section.learning_rate * 10, log=True
            )
        }
        if "rank" in type(section).model_fields:
            changes["rank"] = trial.suggest_categorical("rank", _RANKS)
            changes["alpha"] = _ALPHA_A_RANK * changes["rank"]
        if self._candidate != "head":
            changes["contrastive_weight"] = trial.suggest_float("contrastive_weight", 0.0, 1.0)
            changes["patience"] = _NEVER
        most = job.pairs.hard_negatives_per_positive
        n_negatives = trial.suggest_int("n_negatives", min(1, most), most)
        return job.model_copy(
            update={
                CANDIDATES[self._candidate].section: section.model_copy(update=changes),
                "pairs": job.pairs.model_copy(update={"hard_negatives_per_positive": n_negatives}),
            }
        )

    def _head(self, settings: Settings) -> StrengthSweep:
        positives = training_positives(self.data)
        n = settings.pairs.hard_negatives_per_positive
        fewer = replace(positives, negatives=positives.negatives[:, :n])
        head = train_head(self._start.embeddings, fewer, settings.head, settings.seed)
        return self._sweep(lambda strength: head.apply(self._start.embeddings, strength))

    def _encoder(self, trial: "Trial", settings: Settings) -> StrengthSweep:
        data = tuning_data_of(self.data)
        n = settings.pairs.hard_negatives_per_positive
        data = replace(data, negatives=data.negatives[:, :n])
        method = tuning_method(CANDIDATES[self._candidate], settings)
        folder = self._place / f"trial-{trial.number}"
        progress = self._context.progress
        start = self._start.encoder
        try:
            tuned = method.train(start, data, folder, progress, self._judge(trial))

            def embed(strength: float, texts: list[str]) -> Any:
                return method.embed(start, tuned, strength, texts, progress)

            strength = self._context.job.settings.strength
            return sweep_on_sample(self._sample, self._candidate, embed, strength, SILENT)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _judge(self, trial: "Trial") -> Callable[[LoadedEncoder], float]:
        """Judge each epoch; stop a training that falls behind, or that the time is up for."""
        from optuna import TrialPruned

        mrr = epoch_judge(self._sample, self._context.job.settings.encoder)
        epochs = 0

        def judged(encoder: LoadedEncoder) -> float:
            nonlocal epochs
            epochs += 1
            value = mrr(encoder)
            trial.report(value, epochs)
            if trial.should_prune() or monotonic() > self._deadline:
                raise TrialPruned
            return value

        return judged

    def _sweep(self, embed: Callable[[float], Any], strengths: tuple[float, ...] = ()) -> StrengthSweep:
        settings = self._context.job.settings.strength
        if strengths:
            settings = settings.model_copy(update={"strengths": strengths})
        return sweep(self.data, self._candidate, embed, settings, SILENT)


def _best_value(study: "Study") -> float | None:
    values = [trial.value for trial in study.trials if trial.value is not None]
    return max(values, default=None)


def _trials(study: "Study") -> list[TrialResult]:
    return [
        TrialResult(
            number=trial.number,
            parameters=dict(trial.params),
            mrr=trial.value if trial.state.name == "COMPLETE" else None,
            seconds=round(trial.duration.total_seconds(), 1) if trial.duration else 0.0,
        )
        for trial in study.trials
        if trial.state.is_finished()
    ]


def _assignment(candidate: str, name: str, value: Any) -> str:
    if name == "n_negatives":
        return f"pairs.hard_negatives_per_positive={value}"
    shown = f"{value:.3g}" if isinstance(value, float) else str(value)
    return f"{candidate}.{name}={shown}"
