"""The tickets of a judged run related to each other: the interface for Python and the command line."""

from collections.abc import Sequence
from pathlib import Path

from ticketkin.core.errors import MissingInputError
from ticketkin.serving.answers import Relation
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import read_job
from ticketkin.workflows.job import check_inputs_of
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.run_kin import RunKin


class Relater:
    """Relates tickets of a judged run whose relations were learned."""

    def __init__(self, folder: Path | str) -> None:
        """Load ranking and classifier of a run folder.

        Raises MissingInputError where `folder` is no run or lacks one of them, and as `check_not_stale` where
        what lies there does not belong together, such as the ranking of another run.
        """
        folder = Path(folder)
        job = read_job(folder)
        for place, command in ((artifact.RANKING, "evaluate"), (artifact.RELATIONS_JSON, "relations")):
            if not (folder / place).exists():
                raise MissingInputError(f"{folder} lacks {place}. Run: ticketkin {command} {folder}")
        check_inputs_of("relations", folder, job, artifact.RELATIONS)
        self._kin = RunKin(RunData.of(folder, job))

    def relate(self, ticket_ids: Sequence[str], k: int = 10) -> dict[str, list[Relation] | None]:
        """Return for each ticket its `k` nearest others with kind, probability and evidence, surest first.

        A ticket is named by its id or number; one that the run does not hold has None, and fails no other.
        """
        return self._kin.relate(ticket_ids, k)
