"""Whether the files that a command is about to read still belong together: refused where a record denies it.

A whole run redoes what changed. A single stage, a search of settings and an answer out of a run read what
lies there, and would give numbers that belong to no run: embeddings put in another order, the ranking of
another run, splits made of links that have changed since.
"""

import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from ticketkin.core.errors import DamagedArtifactError, StaleInputError
from ticketkin.runs.artifacts import Place
from ticketkin.runs.content_hashes import content_hash
from ticketkin.runs.stages import RunContext, Stage, read_record, record_path

J = TypeVar("J")


def check_not_stale(
    places: Collection[Place],
    context: RunContext[J],
    made_by: Sequence[Stage[J]],
    wanted: Mapping[Place, bool],
) -> None:
    """Check that `places`, and what they were made of, are as their stages recorded them.

    Raises DamagedArtifactError for a file that was changed since, StaleInputError for one that was made of
    something else than what lies there now.

    `made_by` are the stages that may have made them, in order. Changed settings and files outside of the run
    are no fault here: what lies in the run was made of them as they were.
    """
    needed, used_of = list(places), []
    for stage in reversed(made_by):
        used = [output for output in stage.outputs if any(place.lies_in(output) for place in needed)]
        used = [output for output in used if (context.folder / output).exists()]
        if used and stage.wanted(context.job):
            used_of.append((stage, used))
            needed += stage.wanted_inputs(context.job, wanted)
    for stage, used in reversed(used_of):  # the first fault is the cause, later ones follow from it
        _check(stage, used, context)


def _check(stage: Stage[J], used: Sequence[Place], context: RunContext[J]) -> None:
    """Check outputs of a stage that are there, and that its inputs are still those it read."""
    folder, record = context.folder, read_record(record_path(context.folder, stage))
    if record is None and record_path(folder, stage).exists():
        return  # damaged: it can't tell what its stage wrote, and the next whole run makes it anew
    if record is None:
        raise StaleInputError(
            f"{folder / used[0]} has no record, so the stage {stage.name!r} did not finish. "
            f"{_way_out(stage, folder)}"
        )
    for output in used:
        if content_hash(folder / output) != record.outputs.get(output.name):
            raise DamagedArtifactError(
                f"{folder / output} is damaged, or was changed after the stage {stage.name!r} wrote it; what "
                f"is made of it would not be of this run. {_way_out(stage, folder)}"
            )
    for name, expected in record.inputs.items():
        if (folder / name).exists() and content_hash(folder / name) != expected:
            raise StaleInputError(
                f"{folder / used[0]} was made of another {name} than the one that lies there now. "
                f"{_way_out(stage, folder)}"
            )


def _way_out(stage: Stage[J], folder: Path) -> str:
    place = shlex.quote(str(folder))
    return (
        f"Make it again: {stage.command.format(folder=place)}; or all that is due: "
        f"ticketkin run --resume --out {place}"
    )
