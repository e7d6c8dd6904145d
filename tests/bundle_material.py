"""A run's verdict kept in memory, and its bundle on another path with the run deleted."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ticketkin.core.tables import FloatArray, SplitName, Tickets
from ticketkin.workflows.bundling import bundle_run
from ticketkin.workflows.candidates import champion_ranker
from ticketkin.workflows.configuration import read_job
from ticketkin.workflows.run_data import RunData


@dataclass(frozen=True)
class Judged:
    """What a run knew before it was deleted, and its bundle."""

    bundle: Path
    """Copied to another place."""
    tickets: Tickets
    rows: list[int]
    """Held-out tickets with kin."""
    similarities: FloatArray
    """Of the champion, (len(rows), n_tickets), -inf for what a query may not see."""


def judged_copy(folder: Path, place: Path) -> Judged:
    """Bundle a copy of a run, copy the bundle elsewhere, delete the run and the first bundle."""
    run = Path(shutil.copytree(folder, place / "run"))
    data = RunData.of(run, read_job(run))
    rows = data.queries(SplitName.HOLDOUT)
    similarities = champion_ranker(data).similarities(rows, data.visibility)
    visible = np.where(data.visibility.mask(rows), similarities, -np.inf)
    tickets = data.tickets
    bundle_run(run, place / "made", with_index=True)
    bundle = Path(shutil.copytree(place / "made", place / "elsewhere" / "kin"))
    shutil.rmtree(run)
    shutil.rmtree(place / "made")
    return Judged(bundle, tickets, rows.tolist(), visible)
