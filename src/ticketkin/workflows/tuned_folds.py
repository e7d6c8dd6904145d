"""Tuned encoders where folds judge: which take part, what that costs, and why one does not."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from ticketkin.core.artifacts import hash_value
from ticketkin.core.errors import InputError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.wording import number_of, time_span
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import LoadedEncoder, load_encoder
from ticketkin.evaluation.cross_fitting import Questions, n_draws, n_fits
from ticketkin.tickets.kin import KinGroups
from ticketkin.training.augmentation import augment
from ticketkin.training.candidates import CANDIDATES, Candidate
from ticketkin.training.cut_quality import first_dimensions
from ticketkin.training.dimensions import CutTuning
from ticketkin.training.record import LeftOutCandidate
from ticketkin.training.tuned_contender import TunedContender
from ticketkin.training.tuning_data import TuningData
from ticketkin.training.tuning_methods import TuningMethod
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.fold_training import training_pairs
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.settings import Settings

GRANT = "--set evaluation.tuned_in_folds=true"
_N_TIMED = 32
# A step reads anchor, positive and negative, and goes back through each at twice the cost of going forward.
_TEXTS_A_PAIR, _BACK_AND_FORTH = 3, 3


def tuning_method(candidate: Candidate, settings: Settings) -> TuningMethod:
    """Return the way a candidate is tuned on links. Raises ValueError for one with a stage of its own."""
    if candidate.method is None:
        raise ValueError(f"{candidate.name} is not tuned by a method")
    tuning = getattr(settings, candidate.section)
    method = candidate.method(tuning, settings.encoder, settings.seed)
    return method if tuning.served_dimensions is None else CutTuning(method, tuning.served_dimensions)


def tuned_in_folds(settings: Settings) -> list[Candidate]:
    """Return the candidates that each fold tunes anew: those with a method, where the time is granted.

    Raises InputError as `check_tunable_in_folds`.
    """
    if not settings.evaluation.tuned_in_folds:
        return []
    wanted = [one for one in CANDIDATES.values() if one.method and one.name in settings.candidates]
    for candidate in wanted:
        check_tunable_in_folds(settings, candidate)
    return wanted


def check_tunable_in_folds(settings: Settings, candidate: Candidate) -> None:
    """Raise InputError where a candidate would look at evaluation links while it trains: folds have none."""
    patience = getattr(settings, candidate.section).patience
    if patience:
        raise InputError(
            f"{candidate.section}.patience is {patience}, but where folds judge no link is put aside to "
            f"stop a training by; set {candidate.section}.patience=0, or evaluation.by=split"
        )


def tuned_contender(
    data: RunData,
    candidate: Candidate,
    questions: Questions,
    kin: KinGroups,
    work: Path,
    progress: Progress = SILENT,
) -> TunedContender:
    """Return a tuned encoder as a contender on `questions`; `work` keeps what each fold gave."""
    settings = data.job.settings
    learned = training_pairs(data, kin)
    tuning, augmenting = getattr(settings, candidate.section), settings.augment

    def altered(part: TuningData) -> TuningData:
        return augment(part, augmenting, settings.seed, offline=settings.encoder.offline).data

    return TunedContender(
        tuning_method(candidate, settings),
        hash_value({
            "name": candidate.name,
            "tuning": tuning.shaping(),
            "augment": augmenting.model_dump(),
            "seed": settings.seed,
        }),
        lambda: load_encoder(settings.encoder),
        first_dimensions(data.embeddings(artifact.BASE_EMBEDDINGS), tuning.served_dimensions),
        data.texts,
        learned.positives,
        questions.queries,
        kin.group,
        data.units_of(kin.group),
        data.visibility,
        sorted(set(settings.strength.strengths)),
        altered,
        work / candidate.name,
        progress,
        learned.labelled,
        learned.phases_are_given,
    )  # fmt: skip


@dataclass(frozen=True)
class FoldCost:
    """What it costs to judge a tuned encoder by folds."""

    n_trainings: int
    """Largest number of trainings: a fold that keeps the untouched encoder needs none."""
    seconds: float
    """Seconds of all trainings, estimated from a few texts."""

    @property
    def sentence(self) -> str:
        """The cost in words, for a person who decides whether it is worth it."""
        return (
            f"up to {number_of(self.n_trainings, 'training')}, about {time_span(self.seconds)} on this "
            "machine"
        )


def n_trainings(settings: Settings, n_units: int | None = None) -> int:
    """Return how often folds tune an encoder, the last time on all links; fewer where units are few."""
    evaluation = settings.evaluation
    folds = evaluation.folds if n_units is None else min(evaluation.folds, n_units)
    return n_fits(folds, n_draws(evaluation.repeats, n_units or 0)) + 1


def fold_cost(data: RunData, candidate: Candidate, contender: TunedContender) -> FoldCost:
    """Return what folds cost for a candidate, by the time that a few texts take to encode."""
    settings = data.job.settings
    sample = data.texts[:: max(1, len(data.texts) // _N_TIMED)][:_N_TIMED]
    encoder: LoadedEncoder = contender.encoder
    encode_texts(encoder, sample[:2], None, settings.encoder)  # what is done once is not counted
    started = perf_counter()
    encode_texts(encoder, sample, None, settings.encoder)
    a_text = (perf_counter() - started) / max(1, len(sample))
    positives = contender.data(np.ones(int(contender.unit_of_ticket.max()) + 1, dtype=np.bool_))
    epochs = getattr(settings, candidate.section).epochs_per_phase
    n_pairs = sum(passes * int((positives.phase <= p).sum()) for p, passes in enumerate(epochs, start=1))
    training = _TEXTS_A_PAIR * _BACK_AND_FORTH * n_pairs * a_text
    encodings = a_text * len(data.texts) * (len(contender.strengths) - 1)
    n = n_trainings(settings, len(np.unique(contender.unit_of_ticket[contender.queries])))
    return FoldCost(n, n * (training + encodings))


def not_granted(name: str, cost: FoldCost) -> str:
    """Return why a tuned encoder is not judged, and what grants it the time."""
    return (
        f"{name} was neither tuned nor judged: links are few, so folds judge, and each would tune the "
        f"encoder anew ({cost.sentence}). To grant the time: {GRANT}; fewer rounds and strengths take less, "
        "for example --set evaluation.repeats=1 --set strength.strengths=0,1. Or let a split judge: "
        "--set evaluation.by=split"
    )


def dry_run_notes(folder: Path, job: Job) -> list[str]:
    """Return what tuning in folds would cost, or that it is not asked for, before anything runs."""
    if job.evaluation_by == "split":
        return []
    settings = job.settings
    n, granted = n_trainings(settings), tuned_in_folds(settings)
    notes = [
        f"{one.name}: where folds judge, it is trained up to {n} times, and all tickets are encoded at up to "
        f"{number_of(len(set(settings.strength.strengths)) - 1, 'strength')} each time; its stage tells the "
        "hours first"
        for one in granted
    ]
    for one in CANDIDATES.values():
        if one.method and one.name in settings.candidates and one not in granted:
            path = folder / artifact.training_record(one.name)
            record = artifact.training_record(one.name).read(path) if path.exists() else None
            notes.append(
                record.left_out
                if isinstance(record, LeftOutCandidate)
                else f"{one.name}: not judged where folds judge; {GRANT} would train it up to {n} times"
            )
    return notes


ContenderMaker = Callable[[Questions, KinGroups], list[TunedContender]]


def contender_maker(data: RunData, work: Path, progress: Progress) -> ContenderMaker:
    """Return what makes the tuned contenders that the job grants the time for."""
    granted = tuned_in_folds(data.job.settings)
    return lambda questions, kin: [
        tuned_contender(data, candidate, questions, kin, work, progress) for candidate in granted
    ]
