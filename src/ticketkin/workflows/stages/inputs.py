"""What the declarations of stages share: which files a stage reads, and which parts of a job decide on it."""

from pathlib import Path

from ticketkin.encoders.learned_tickets import LEARNED_TICKETS, learned_folder
from ticketkin.runs.artifacts import Place
from ticketkin.training.candidates import CANDIDATES, trained_candidates, trained_encoders
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job


def source_files(job: Job) -> tuple[Path, ...]:
    """Return the files that hold the tickets, and the words to redact."""
    words = job.settings.tickets.redact_words
    return job.tickets_from if words is None else (*job.tickets_from, words)


def links_file(job: Job) -> tuple[Path, ...]:
    """Return the file of links, if there is one."""
    return () if job.links_file is None else (job.links_file,)


def reviewed_file(job: Job) -> tuple[Path, ...]:
    """Return the file of a review, if there is one."""
    return () if job.reviewed_file is None else (job.reviewed_file,)


def base_learned_file(job: Job) -> tuple[Path, ...]:
    """Return the file that says what the base has learned from, if it is a model that was tuned."""
    folder = learned_folder(job.settings.encoder.base_model)
    return () if folder is None else (folder / LEARNED_TICKETS,)


def settings_of(*sections: str) -> tuple[str, ...]:
    """Return the parts of a job that hold these sections of its settings."""
    return tuple(f"settings.{section}" for section in sections)


SOURCES = ("sources", "pairs_file", "test_pairs_file", "tickets_from")
DATA = (artifact.TICKETS, artifact.LINKS, artifact.SPLITS, artifact.BASE_LEARNED)
BASE = (artifact.BASE_ENCODER, artifact.BASE_EMBEDDINGS)
LABELLED: tuple[Place, ...] = (
    artifact.PAIRS,
    artifact.FOLD_PAIRS,
    artifact.PAIR_ACCOUNT,
    artifact.GIVEN_PAIRS,
)
JUDGED: tuple[Place, ...] = (*DATA, *BASE, *LABELLED)
# What judging reads, by folds too, which train the head anew in each.
BY_FOLDS = (
    "evaluation_by",
    "trains_as_given",
    *settings_of(
        "candidates",
        "evaluation",
        "fusion",
        "head",
        "pairs",
        "seed",
        "split.near_identical",
        "strength",
        "tickets",
    ),
)
_FURTHER_OUTPUTS: dict[str, tuple[Place, ...]] = {"head": (artifact.HEAD_OUT_OF_FOLD,)}


def outputs_of(candidate: str) -> tuple[Place, ...]:
    """Return the outputs of a candidate's training."""
    further = _FURTHER_OUTPUTS.get(candidate, ())
    if CANDIDATES[candidate].role == "encoder":
        further = (artifact.embeddings_of(candidate), *further)
    return (artifact.trained(candidate), *further)


def trained_outputs(*, with_slow: bool) -> tuple[Place, ...]:
    """Return the outputs of the trainings; those of slow ones only if the job asks for them."""
    trained = (one for one in trained_candidates() if with_slow or not one.is_slow)
    return tuple(place for one in trained for place in outputs_of(one.name))


def ranked_by() -> tuple[Place, ...]:
    """Return what the learned ranking, or the encoder that won, ranks by."""
    return (
        artifact.BASE_EMBEDDINGS,
        artifact.HEAD_OUT_OF_FOLD,
        *(artifact.embeddings_of(one.name) for one in trained_encoders()),
        artifact.RANKING,
    )


def tuned_sections() -> tuple[str, ...]:
    """Return the settings sections of the candidates that folds tune anew."""
    tuned = [one for one in trained_candidates() if one.method]
    return tuple(dict.fromkeys(name for one in tuned for name in (one.section, *one.more_sections)))
