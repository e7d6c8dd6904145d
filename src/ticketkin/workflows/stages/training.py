"""Stages that tune encoders: adapted, LoRA and full; the last two swept over their strength."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import FloatArray, SplitName
from ticketkin.encoders.cache import EmbeddingCache, default_cache_folder
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.interpolation import prove_tuned, save_interpolated
from ticketkin.encoders.learned_tickets import copy_learned, write_learned
from ticketkin.encoders.loading import LoadedEncoder, load_encoder, load_folder
from ticketkin.encoders.serving import text_encoding
from ticketkin.evaluation.cross_fitting import chosen_on_all
from ticketkin.pairs.account import PairAccount
from ticketkin.runs.stages import StageRun
from ticketkin.training.adapted import train_adapted
from ticketkin.training.augmentation import Augmented, augment
from ticketkin.training.candidates import Candidate
from ticketkin.training.cut_quality import cuts_sentence, first_dimensions
from ticketkin.training.dimensions import measured_cuts, whole
from ticketkin.training.positives import PositivePairs, positive_pairs
from ticketkin.training.record import CandidateTraining, LeftOutCandidate, TrainingRecord, utc_now
from ticketkin.training.rivals import epoch_judge, sweep_on_sample
from ticketkin.training.settings import TuningSettings
from ticketkin.training.tuning_data import TuningData
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.cross_judging import questions_of
from ticketkin.workflows.model_metadata import chosen_by, data_hashes
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.runtimes import encoder_of_run
from ticketkin.workflows.tuned_folds import (
    check_tunable_in_folds,
    fold_cost,
    not_granted,
    tuned_contender,
    tuning_method,
)
from ticketkin.workflows.tuned_tickets import learned_by_tuning

_READ = (artifact.TICKETS, artifact.LINKS, artifact.SPLITS, artifact.PAIRS)
"""Files of the run that a training reads; a training without labels reads only the first."""
NOTHING_TO_TUNE_ON = (
    "No training pair is kin, so there is nothing to tune on; give more links with --links FILE, or run the "
    "untouched candidates alone: --candidates lexical,base"
)


@dataclass(frozen=True)
class Start:
    """The encoder that tuning begins with: the untouched one, or the adapted one where it is asked for."""

    encoder: LoadedEncoder
    embeddings: FloatArray
    """Of all tickets, shape (n_tickets, d)."""


def start_of(data: RunData) -> Start:
    """Return the encoder that the run's tuned candidates begin with."""
    settings = data.job.settings
    if data.job.start == "adapted":
        model = data.values.path(artifact.model_of("adapted"))
        adapted = data.embeddings(artifact.embeddings_of("adapted"))
        return Start(load_folder(model, settings.encoder), adapted)
    return Start(load_encoder(settings.encoder), data.embeddings(artifact.BASE_EMBEDDINGS))


def training_positives(data: RunData) -> PositivePairs:
    """Return the training kin with their mined negatives. Raises NotEnoughDataError where there are none."""
    positives = positive_pairs(data.pairs, data.tickets, data.groups)
    if len(positives.left) == 0:
        raise NotEnoughDataError(NOTHING_TO_TUNE_ON)
    return positives


def run_adapted(run: StageRun[Job]) -> None:
    """Train the untouched encoder on all texts without labels; prove the saved model."""
    data = RunData(run.values, run.job)
    settings = run.job.settings
    encoder = load_encoder(settings.encoder)
    texts = data.texts
    if settings.adapted.texts == "train":
        texts = [texts[row] for row in data.splits.rows(data.tickets, SplitName.TRAIN)]
    result = train_adapted(
        encoder,
        texts,
        settings.adapted,
        run.place(artifact.ADAPTED),
        settings.seed,
        run.progress,
        epoch_judge(data.rival_sample(data.embeddings(artifact.BASE_EMBEDDINGS)), settings.encoder),
    )
    proof = prove_tuned(encoder.source, result.folder, result.probe_texts, result.probe_embeddings)

    def save(folder: Path) -> None:
        save_interpolated(encoder.source, result.folder, 1.0, folder, settings.tickets.template)

    _keep_tuned(run, data, "adapted", encoder, save, result.record, proof=proof)


def pairs_trained_on(data: RunData) -> PairAccount | None:
    """Return where the pairs of a training in folds come from: a file's account, None for all kin."""
    return data.pair_account if data.job.trains_as_given else None


def tuning_data_of(data: RunData) -> TuningData:
    """Return texts, kin and labelled pairs of the training split."""
    positives = training_positives(data)
    train = data.pairs.of(SplitName.TRAIN)
    left, right = train.rows(data.tickets)
    return TuningData(
        texts=data.texts,
        left=positives.left,
        right=positives.right,
        phase=positives.phase,
        group=positives.group,
        negatives=positives.negatives,
        group_of_row=data.groups.group,
        labelled_left=left,
        labelled_right=right,
        labels=train.frame["label"].to_numpy().astype(np.int64),
        labelled_phase=train.frame["phase"].to_numpy().astype(np.int64),
        negative_phase=positives.negative_phase,
        phases_are_given=data.pair_account.phases_from != "measured",
    )


def run_tuning(candidate: Candidate, run: StageRun[Job]) -> None:
    """Tune the encoder, prove the saved change active in a fresh process, choose its strength, keep it."""
    data = RunData(run.values, run.job)
    if data.is_judged_in_folds:
        _tune_in_folds(candidate, run, data)
        return
    method = tuning_method(candidate, run.job.settings)
    start = start_of(data)
    sample = data.rival_sample(start.embeddings, data.pairs_of(SplitName.EVALUATION))
    judge = epoch_judge(sample, run.job.settings.encoder)
    place = run.place(artifact.trained(method.name))
    settings = run.job.settings
    augmented = _augmented(run, data)
    tuned = method.train(start.encoder, augmented.data, place, run.progress, judge)
    proof = method.prove(start.encoder, tuned)
    run.progress.say(
        f"  {method.name} proven active after reload: embeddings differ from those before by up to "
        f"{proof.difference_from_base:.3f}"
    )

    def embed(strength: float, texts: list[str]) -> FloatArray:
        return method.embed(start.encoder, tuned, strength, texts, run.progress)

    def save(folder: Path) -> None:
        method.save(start.encoder, tuned, swept.chosen, folder, settings.tickets.template)

    tuning: TuningSettings = getattr(settings, candidate.section)
    cut = replace(sample, start=first_dimensions(sample.start, tuning.served_dimensions))
    swept = sweep_on_sample(cut, method.name, embed, settings.strength, run.progress)
    cuts = measured_cuts(
        sample,
        lambda texts: whole(method).embed(start.encoder, tuned, swept.chosen, texts, run.progress),
        tuning,
        settings.seed,
    )
    if cuts:
        labels_from = data.links.labels_from
        run.progress.say(f"  {cuts_sentence(method.name, cuts, labels_from)}")
    proven = {
        "strength": swept,
        "dimensions": cuts,
        "proof": proof,
        "augmented": augmented.added,
        "pairs": data.pair_account,
    }
    _keep_tuned(run, data, method.name, start.encoder, save, tuned.record, **proven)


def _augmented(run: StageRun[Job], data: RunData) -> Augmented:
    """Return what is tuned on, with the altered positives that the job asks for."""
    settings = run.job.settings
    augmented = augment(
        tuning_data_of(data),
        settings.augment,
        settings.seed,
        offline=settings.encoder.offline,
        progress=run.progress,
    )
    if augmented.added:
        shown = ", ".join(f"{n:,} by {name}" for name, n in augmented.added.items())
        run.progress.say(f"  altered positives added to training: {shown}")
    return augmented


def _tune_in_folds(candidate: Candidate, run: StageRun[Job], data: RunData) -> None:
    """Tune on the links of all splits at the strength that folds choose; leave it out where that is not asked
    for.
    """
    settings, name = run.job.settings, candidate.name
    questions = questions_of(data, data.groups.group)
    work = run.place(artifact.TUNED_FOLDS)
    contender = tuned_contender(data, candidate, questions, data.groups, work, run.progress)
    cost = fold_cost(data, candidate, contender)
    if not settings.evaluation.tuned_in_folds:
        _leave_out(run, name, len(data.tickets), not_granted(name, cost))
        return
    check_tunable_in_folds(settings, candidate)
    run.progress.say(f"  {name} in folds: {cost.sentence}; a killed run goes on from the last one")
    strength = contender.strengths[chosen_on_all(questions, contender, settings.seed)]
    place = run.place(artifact.trained(name))
    tuned = contender.train(np.ones(questions.n_units, dtype=np.bool_), place)
    method, start = contender.method, contender.encoder
    proof = method.prove(start, tuned)
    run.progress.say(f"  trained on the links of all splits; strength chosen by folds: {strength:g}")

    def save(folder: Path) -> None:
        method.save(start, tuned, strength, folder, settings.tickets.template)

    about = {"chosen_strength": strength, "proof": proof, "pairs": pairs_trained_on(data)}
    _keep_tuned(run, data, name, start, save, tuned.record, **about)


def _leave_out(run: StageRun[Job], name: str, n_tickets: int, reason: str) -> None:
    """Record why a candidate is not tuned."""
    run.progress.say(f"  {reason}")
    run.put(artifact.embeddings_of(name), np.zeros((n_tickets, 0), dtype=np.float32))
    run.put(artifact.training_record(name), LeftOutCandidate(candidate=name, left_out=reason))


def _keep_tuned(
    run: StageRun[Job],
    data: RunData,
    name: str,
    start: LoadedEncoder,
    save: Callable[[Path], None],
    record: TrainingRecord,
    **about: Any,
) -> None:
    """Write the model as `save` does, encode every ticket with it, and write the record last."""
    settings = run.job.settings
    place = artifact.model_of(name)
    with run.writing(place) as folder:
        save(folder)
        if name == "adapted":  # it reads texts, no label
            copy_learned(Path(start.source), folder)
        else:
            write_learned(folder, learned_by_tuning(data, start, run.name))
    final = load_folder(run.place(place), settings.encoder)
    cache = EmbeddingCache(default_cache_folder(), run.progress)
    model, choice = encoder_of_run(final, data, settings.encoder, run.progress)
    run.put(
        artifact.embeddings_of(name), encode_texts(model, data.texts, cache, settings.encoder, run.progress)
    )
    run.put(
        artifact.training_record(name),
        training_metadata(name, start, run, record, runtime=choice.record, **about),
    )


def training_metadata(
    name: str, start: LoadedEncoder, run: StageRun[Job], record: TrainingRecord, **about: Any
) -> CandidateTraining:
    """Return training_metadata.json: what was tuned from what, and what happened."""
    return CandidateTraining.of(
        record,
        candidate=name,
        base_model=start.name,
        base_fingerprint=start.fingerprint,
        **({"base_code": str(start.code)} if start.code else {}),
        template=run.job.settings.tickets.template,
        encoder=text_encoding(start.model),
        made_at=utc_now(),
        data_hashes=data_hashes(run.values, *(_READ if name != "adapted" else _READ[:1])),
        metrics=chosen_by(record, about.get("strength")),
        **about,
    )
