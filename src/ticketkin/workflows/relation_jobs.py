"""Kinds and families of a run as commands ask for them: run the stage, return what it found."""

from pathlib import Path
from typing import Any

from ticketkin.core.artifacts import read_json
from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import run_one_stage


def learn_relations(folder: Path, job: Job, progress: Progress = SILENT) -> dict[str, Any]:
    """Run the stage `relations` of a judged run and return its record.

    Raises MissingInputError before the verdict, NotEnoughDataError where fewer than two kinds can be told
    apart.
    """
    run_one_stage("relations", folder, progress, job)
    record: dict[str, Any] = read_json(folder / artifact.RELATIONS_JSON)
    if not record["learned"]:
        raise NotEnoughDataError(record["reason"])
    return record


def build_run_families(folder: Path, job: Job, progress: Progress = SILENT) -> dict[str, Any]:
    """Run the stage `families` of a run and return the content of families.json."""
    run_one_stage("families", folder, progress, job)
    found: dict[str, Any] = read_json(folder / artifact.FAMILIES_JSON)
    return found
