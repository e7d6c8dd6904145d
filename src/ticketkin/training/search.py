"""Search for settings of a candidate: what is drawn, how trials are kept, what came of them.

Combinations are drawn by Optuna's tree-structured Parzen estimator (Akiba et al. 2019, arXiv:1907.10902).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ticketkin.core.errors import MissingExtraError
from ticketkin.core.progress import Progress
from ticketkin.training.settings import HeadSettings, TuningSettings

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

RANKS = (4, 8, 16, 32, 64)
ALPHA_A_RANK = 2
_NEVER = 10**6  # patience that no training outlasts: the judge only looks


@dataclass(frozen=True)
class TrialResult:
    """One combination that was tried."""

    number: int
    parameters: dict[str, float]
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
        return shown if rank is None else [*shown, f"{self.candidate}.alpha={ALPHA_A_RANK * rank}"]

    @property
    def record(self) -> "SearchRecord":
        """The trials as trials.json holds them."""
        return SearchRecord(
            self.candidate, self.untuned_mrr, self.n_queries, self.trials, self.best, self.assignments
        )


@dataclass(frozen=True)
class SearchRecord:
    """The whole of trials.json."""

    candidate: str
    untuned_mrr: float
    n_queries: int
    trials: list[TrialResult]
    best: TrialResult | None
    set: list[str]
    """Settings of the best trial, as `--set` takes them."""


@dataclass(frozen=True)
class Combination:
    """Settings that a trial trains with."""

    changes: dict[str, float]
    """Values of the candidate's section."""
    n_negatives: int
    """Mined negatives for each positive."""


def draw_combination(
    trial: "Trial", section: HeadSettings | TuningSettings, most_negatives: int
) -> Combination:
    """Draw learning rate, mined negatives and, for an encoder, rank and weight of the labelled loss."""
    changes: dict[str, float] = {
        "learning_rate": trial.suggest_float(
            "learning_rate", section.learning_rate / 10, section.learning_rate * 10, log=True
        )
    }
    if "rank" in type(section).model_fields:
        changes["rank"] = trial.suggest_categorical("rank", RANKS)
        changes["alpha"] = ALPHA_A_RANK * changes["rank"]
    if isinstance(section, TuningSettings):
        changes["contrastive_weight"] = trial.suggest_float("contrastive_weight", 0.0, 1.0)
        changes["patience"] = _NEVER
    return Combination(changes, trial.suggest_int("n_negatives", min(1, most_negatives), most_negatives))


def open_study(folder: Path, seed: int) -> "Study":
    """Return the study kept in `folder`, begun where there is none.

    Raises MissingExtraError without optuna.
    """
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
    storage = JournalStorage(JournalFileBackend(str(folder / "journal.jsonl")))
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


def run_trials(
    study: "Study",
    name: str,
    mrr_of: Callable[["Trial"], float],
    n_trials: int,
    minutes: float,
    progress: Progress,
) -> list[TrialResult]:
    """Try combinations until the minutes or the trials are spent; return all trials, earlier ones too."""
    with progress.task(f"search of {name} settings", n_trials) as task:

        def finished(study: "Study", trial: "FrozenTrial") -> None:
            task.advance()
            best = _best_value(study)
            task.describe(f"best MRR {best:.3f}" if best is not None else "none finished yet")

        study.optimize(mrr_of, n_trials=n_trials, timeout=60 * minutes, callbacks=[finished])
    return _trials(study)


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
