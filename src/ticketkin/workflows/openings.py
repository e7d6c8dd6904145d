"""Every look at the links that judge, noted in the ledger: by a verdict, and by a comparison of models."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from ticketkin.core.artifacts import hash_value
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import IntArray, SplitName
from ticketkin.runs.holdout_ledger import HoldoutLedger, HoldoutOpening, Looks, now
from ticketkin.runs.stages import StageRun
from ticketkin.training.candidates import CANDIDATES
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.run_data import RunData

_BESIDE_THE_NUMBER = ("settings.readiness",)
"""Settings that only say how a number is rated, and change no number."""


def note_verdict(run: StageRun[Job], data: RunData) -> Looks:
    """Note that a verdict opens the links that judge, and return how often they were opened."""
    opening = _opening(
        data, run.run_name, "ticketkin evaluate", _judging(data), tried_settings(run.settings_read)
    )
    run.ledger.record(opening, run.progress)
    return run.ledger.looks(opening, run.progress)


def note_comparison(
    folder: Path, data: RunData, split: SplitName, models: Sequence[str], progress: Progress = SILENT
) -> Looks | None:
    """Record that models are compared on a run's holdout; None on evaluation links."""
    if split is not SplitName.HOLDOUT:
        return None
    tried = hash_value({"models": sorted(models)})
    opening = _opening(data, folder.name, "ticketkin compare", data.queries(split), tried)
    ledger = HoldoutLedger.of_run(folder)
    ledger.record(opening, progress)
    return ledger.looks(opening, progress)


def looks_so_far(folder: Path) -> Looks | None:
    """Return how often the links that judged a run were opened until now; None where none was noted."""
    own = HoldoutLedger([HoldoutLedger.of_run(folder).files[0]])
    verdicts = [one for one in own.openings() if one.command == "ticketkin evaluate"]
    return HoldoutLedger.of_run(folder).looks(verdicts[-1]) if verdicts else None


def tried_settings(read: Mapping[str, object]) -> str:
    """Return a hash of what shapes the numbers: settings that differ from their defaults.

    Sections of candidates that are not asked for are left out, and so are the targets of readiness.
    """
    asked = read.get("settings.candidates")
    asked = asked if isinstance(asked, Collection) else ()
    foreign = {f"settings.{section}" for section in _sections(lambda name: name not in asked)}
    foreign -= {f"settings.{section}" for section in _sections(lambda name: name in asked)}
    return hash_value(
        {
            path: value.model_dump(mode="json", exclude_defaults=True)
            if isinstance(value, BaseModel)
            else value
            for path, value in read.items()
            if path not in foreign and path not in _BESIDE_THE_NUMBER
        }
    )


def _sections(chosen: Callable[[str], bool]) -> Iterator[str]:
    for name, candidate in CANDIDATES.items():
        if candidate.section and chosen(name):
            yield from (candidate.section, *candidate.more_sections)


def _judging(data: RunData) -> IntArray:
    """Return the rows of the tickets whose links judge: all with kin where folds do."""
    if not data.is_judged_in_folds:
        return data.queries(SplitName.HOLDOUT)
    return _with_kin(data)


def _with_kin(data: RunData) -> IntArray:
    return np.flatnonzero(data.groups.has_kin)


def _opening(data: RunData, run: str, command: str, judging: IntArray, tried: str) -> HoldoutOpening:
    return HoldoutOpening(
        opened_at=now(),
        run=run,
        command=command,
        data_sha256=_kinship(data, _with_kin(data)),
        holdout_sha256=_kinship(data, judging),
        settings_sha256=tried,
        seed=data.job.settings.seed,
    )


def _kinship(data: RunData, rows: IntArray) -> str:
    """Return a hash of the tickets in `rows` and of who is whose kin, whatever their order in the export."""
    ids, groups = data.tickets.ids, data.groups.group
    least: dict[int, str] = {}
    for row in _with_kin(data).tolist():
        least[groups[row]] = min(ids[row], least.get(groups[row], ids[row]))
    return hash_value({ids[row]: least.get(groups[row], "") for row in rows.tolist()})
