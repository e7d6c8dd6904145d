"""Which file of a run caused a failure, because it was damaged or altered since its stage wrote it."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ticketkin.core.errors import DamagedArtifactError, TicketkinError, UnreadableFileError
from ticketkin.runs.content_hashes import content_hash
from ticketkin.runs.stages import Stage, read_record, record_path

_LONGEST_REASON = 200


@contextmanager
def damage_named(folder: Path, stages: Sequence[Stage[Any]]) -> Iterator[None]:
    """Raise DamagedArtifactError where the block fails and an output of `stages` is not what its stage wrote.

    A damaged file can make anything fail, so files are checked only after a failure. These errors pass as
    they are: those raised on purpose, except about a file that can't be read; those of the system; and those
    without a damaged file.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, TicketkinError | OSError | MemoryError) and not isinstance(
            error, UnreadableFileError
        ):
            raise
        for stage in stages:
            for name in _altered(folder, stage):
                raise DamagedArtifactError(_message(folder, stage, name, error)) from error
        raise


def _altered(folder: Path, stage: Stage[Any]) -> list[str]:
    record = read_record(record_path(folder, stage))
    expected = {} if record is None else record.outputs
    present = [place.name for place in stage.outputs if (folder / place).exists()]
    return [name for name in present if content_hash(folder / name) != expected.get(name)]


def _message(folder: Path, stage: Stage[Any], name: str, error: Exception) -> str:
    kind = "" if isinstance(error, UnreadableFileError) else f"{type(error).__name__}: "
    reason = f"{kind}{error}".splitlines()[0][:_LONGEST_REASON]
    place = shlex.quote(str(folder))
    return (
        f"{folder / name} is damaged, or was changed after the stage {stage.name!r} wrote it ({reason}). "
        f"Make it again: {stage.command.format(folder=place)}; or all that is due: "
        f"ticketkin run --resume --out {place}"
    )
