"""Kinds and families of a run as commands ask for them: run the stage, return its record."""

from pathlib import Path

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.relations.families import FamiliesRecord
from ticketkin.relations.record import KindsLearned, KindsNotLearned
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import run_one_stage


def learn_relations(folder: Path, job: Job, progress: Progress = SILENT) -> KindsLearned:
    """Run the stage `relations` of a judged run and return its record.

    Raises MissingInputError before the verdict, NotEnoughDataError where fewer than two kinds can be
    learned.
    """
    run_one_stage("relations", folder, progress, job)
    record = artifact.RELATIONS_JSON.read(folder / artifact.RELATIONS_JSON)
    if isinstance(record, KindsNotLearned):
        raise NotEnoughDataError(record.reason)
    return record


def build_run_families(folder: Path, job: Job, progress: Progress = SILENT) -> FamiliesRecord:
    """Run the stage `families` of a run and return the content of families.json."""
    run_one_stage("families", folder, progress, job)
    return artifact.FAMILIES_JSON.read(folder / artifact.FAMILIES_JSON)
