"""Search settings of a candidate on the evaluation links, in a time budget; the holdout stays closed."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from ticketkin.core.artifacts import write_json
from ticketkin.core.errors import InputError, JobError, MissingInputError
from ticketkin.core.locks import run_lock
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import SplitName
from ticketkin.encoders.loading import LoadedEncoder
from ticketkin.runs.needs import check_needs_of
from ticketkin.runs.stages import RunContext
from ticketkin.training.candidates import CANDIDATES, searched_candidates
from ticketkin.training.cut_quality import first_dimensions
from ticketkin.training.head import train_head
from ticketkin.training.loop import EpochScores
from ticketkin.training.preparation import EncoderJudge
from ticketkin.training.rivals import epoch_judge, sweep, sweep_on_sample
from ticketkin.training.search import SearchResult, draw_combination, open_study, run_trials
from ticketkin.training.strength import StrengthSweep
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import check_inputs_of
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.settings import Settings
from ticketkin.workflows.stages.order import stage_named
from ticketkin.workflows.stages.training import start_of, training_positives, tuning_data_of
from ticketkin.workflows.tuned_folds import tuning_method

if TYPE_CHECKING:
    from optuna import Trial


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
        check_needs_of(stage_named(candidate), job)
        check_inputs_of(candidate, folder, job)
        context = RunContext(folder, job, progress)
        trying = _Trying(context, candidate, place, monotonic() + 60 * minutes)
        study = open_study(place, job.settings.seed)
        trials = run_trials(study, candidate, trying, n_trials, minutes, progress)
        result = SearchResult(
            candidate, trials, trying.untuned_mrr, len(trying.data.queries(SplitName.EVALUATION))
        )
        write_json(place / "trials.json", result.record)
    if result.best is None:
        raise JobError(
            f"No trial of {candidate} finished within {minutes:g} minutes; give more --minutes, or shorten "
            f"the training with --set {candidate}."
            + ("epochs=3" if candidate == "head" else "epochs_per_phase=[0,0,1]")
        )
    return result


class _Trying:
    """What Optuna calls: trains a combination and returns its MRR."""

    def __init__(self, context: RunContext[Job], candidate: str, place: Path, deadline: float) -> None:
        self._context, self._candidate, self._place, self._deadline = context, candidate, place, deadline
        self.data = RunData(context.values, context.job)
        self._start = start_of(self.data)
        self._sample = self.data.rival_sample(self._start.embeddings)
        self.untuned_mrr = self._sweep(lambda _: self._start.embeddings, strengths=(0.0,)).mrr[0]

    def __call__(self, trial: "Trial") -> float:
        settings = self._drawn(trial)
        swept = self._head(settings) if self._candidate == "head" else self._encoder(trial, settings)
        return max(swept.mrr)

    def _drawn(self, trial: "Trial") -> Settings:
        """Return the job's settings with a combination drawn around them."""
        job = self._context.job.settings
        section = CANDIDATES[self._candidate].section
        around = getattr(job, section)
        drawn = draw_combination(trial, around, job.pairs.hard_negatives_per_positive)
        pairs = job.pairs.model_copy(update={"hard_negatives_per_positive": drawn.n_negatives})
        return job.model_copy(update={section: around.model_copy(update=drawn.changes), "pairs": pairs})

    def _head(self, settings: Settings) -> StrengthSweep:
        positives = training_positives(self.data)
        n = settings.pairs.hard_negatives_per_positive
        fewer = replace(positives, negatives=positives.negatives[:, :n])
        head = train_head(self._start.embeddings, fewer, settings.head, settings.seed)
        return self._sweep(lambda strength: head.apply(self._start.embeddings, strength))

    def _encoder(self, trial: "Trial", settings: Settings) -> StrengthSweep:
        data = tuning_data_of(self.data)
        n = settings.pairs.hard_negatives_per_positive
        phase = data.negative_phase
        data = replace(
            data, negatives=data.negatives[:, :n], negative_phase=None if phase is None else phase[:, :n]
        )
        method = tuning_method(CANDIDATES[self._candidate], settings)
        folder = self._place / f"trial-{trial.number}"
        progress = self._context.progress
        start = self._start.encoder
        try:
            tuned = method.train(start, data, folder, progress, self._judge(trial))

            def embed(strength: float, texts: list[str]) -> Any:
                return method.embed(start, tuned, strength, texts, progress)

            strength = self._context.job.settings.strength
            cut = getattr(settings, CANDIDATES[self._candidate].section).served_dimensions
            sample = replace(self._sample, start=first_dimensions(self._sample.start, cut))
            return sweep_on_sample(sample, self._candidate, embed, strength, SILENT)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _judge(self, trial: "Trial") -> EncoderJudge:
        """Judge each epoch; stop a training that falls behind or runs out of time."""
        from optuna import TrialPruned

        score = epoch_judge(self._sample, self._context.job.settings.encoder)
        epochs = 0

        def judged(encoder: LoadedEncoder) -> EpochScores:
            nonlocal epochs
            epochs += 1
            scores = score(encoder)
            trial.report(scores.value, epochs)
            if trial.should_prune() or monotonic() > self._deadline:
                raise TrialPruned
            return scores

        return judged

    def _sweep(self, embed: Callable[[float], Any], strengths: tuple[float, ...] = ()) -> StrengthSweep:
        settings = self._context.job.settings.strength
        if strengths:
            settings = settings.model_copy(update={"strengths": strengths})
        return sweep(self.data.evaluation_queries(), self._candidate, embed, settings, SILENT)
