"""What stages open beside their inputs is looked for before the first of them runs, not hours later."""

from collections.abc import Sequence
from typing import TypeVar

from ticketkin.core.errors import MissingInputError
from ticketkin.runs.artifacts import Place
from ticketkin.runs.stages import Stage, StageStatus, State

J = TypeVar("J")


def check_needs(statuses: Sequence[StageStatus[J]], job: J) -> None:
    """Raise as a stage would that lacks a file, a program, a model or a package, for any that will run.

    `statuses` are those of all wanted stages, in order. What only finished stages opened may be gone.
    """
    for stage in _due(statuses, job):
        check_needs_of(stage, job)


def check_needs_of(stage: Stage[J], job: J) -> None:
    """Raise as one stage would that lacks what it opens beside its inputs."""
    missing = [str(path) for path in stage.external(job) if not path.exists()]
    if missing:
        raise MissingInputError(f"The stage {stage.name!r} reads {', '.join(missing)}, which is not there")
    stage.needs(job)


def _due(statuses: Sequence[StageStatus[J]], job: J) -> list[Stage[J]]:
    """Return the stages that will run: those that are not done, and those that read what these make."""
    due: list[Stage[J]] = []
    made: list[Place] = []
    for status in statuses:
        stage = status.stage
        read = (*stage.inputs, *stage.more_inputs(job))
        reads_new = any(place.lies_in(output) for place in read for output in made)
        if reads_new or status.state is not State.DONE:
            due.append(stage)
            made += stage.outputs
    return due
