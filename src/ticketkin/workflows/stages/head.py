"""The stage that tunes the linear head, swept over its strength."""

from typing import Any

import numpy as np

from ticketkin.core.artifacts import write_json
from ticketkin.core.errors import NotEnoughDataError
from ticketkin.encoders.learned_tickets import write_learned
from ticketkin.evaluation.cross_fitting import chosen_on_all
from ticketkin.runs.stages import StageRun
from ticketkin.training.head import Head, cross_fit_heads, save_head_model
from ticketkin.training.rivals import sweep
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.cross_judging import head_contender, questions_of
from ticketkin.workflows.fold_training import training_pairs
from ticketkin.workflows.model_metadata import METADATA
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.stages.training import (
    NOTHING_TO_TUNE_ON,
    Start,
    pairs_trained_on,
    start_of,
    training_metadata,
    training_positives,
)
from ticketkin.workflows.tuned_tickets import learned_by_tuning


def run_head(run: StageRun[Job]) -> None:
    """Tune a linear head, choose its strength, save it as a plain sentence-transformers folder."""
    data = RunData(run.values, run.job)
    if data.is_judged_in_folds:
        _run_head_on_all_links(run, data)
        return
    settings = run.job.settings
    start = start_of(data)
    positives = training_positives(data)
    heads = cross_fit_heads(
        start.embeddings, positives, settings.head, settings.fusion.folds, settings.seed, data.groups.group,
        run.progress,
    )  # fmt: skip
    head = heads[-1]
    swept = sweep(
        data.evaluation_queries(),
        "head",
        lambda strength: head.apply(start.embeddings, strength),
        settings.strength,
        run.progress,
    )
    _keep_head(run, start, head, swept.chosen, strength=swept, pairs=data.pair_account)
    run.put(artifact.HEAD_OUT_OF_FOLD, np.stack([one.weight for one in heads]))


def _run_head_on_all_links(run: StageRun[Job], data: RunData) -> None:
    """Tune the head on the links of all splits: folds judge it, and its strength is chosen by folds."""
    start, seed = start_of(data), run.job.settings.seed
    questions = questions_of(data, data.groups.group)
    positives = training_pairs(data, data.groups).positives
    contender = head_contender(data, questions, data.groups, positives)
    head = contender.fit(np.ones(questions.n_units, dtype=np.bool_))
    if head is None:
        raise NotEnoughDataError(NOTHING_TO_TUNE_ON)
    strength = contender.strengths[chosen_on_all(questions, contender, seed)]
    run.progress.say(f"  trained on the links of all splits; strength chosen by folds: {strength:g}")
    _keep_head(run, start, head, strength, chosen_strength=strength, pairs=pairs_trained_on(data))
    run.put(artifact.HEAD_OUT_OF_FOLD, head.weight[None])


def _keep_head(run: StageRun[Job], start: Start, head: Head, chosen: float, **about: Any) -> None:
    """Keep the head at the `chosen` strength, with what is known `about` its training."""
    data = RunData(run.values, run.job)
    with run.writing(artifact.HEAD) as folder:
        save_head_model(start.encoder, head, chosen, folder, run.job.settings.tickets.template)
        write_learned(folder, learned_by_tuning(data, start.encoder, run.name))
        write_json(folder / METADATA, training_metadata("head", start.encoder, run, head.record, **about))
    run.put(artifact.embeddings_of("head"), head.apply(start.embeddings, chosen))
