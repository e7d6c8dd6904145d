"""Which tickets a run's tuned models have learned from."""

from pathlib import Path

import numpy as np

from ticketkin.core.tables import SplitName
from ticketkin.encoders.learned_tickets import LearnedTickets, learned_from, read_learned
from ticketkin.encoders.loading import LoadedEncoder
from ticketkin.training.record import utc_now
from ticketkin.workflows.run_data import RunData


def learned_by_tuning(data: RunData, start: LoadedEncoder, run: str) -> LearnedTickets:
    """Return the tickets whose labels tuned a model of the run called `run`, or chose its strength and epoch.

    These are all with kin where folds judge; else those with kin, and those of labelled pairs, of the
    training and the evaluation split. What the model at the start had learned from is among them.
    """
    learned = data.groups.has_kin.copy()
    if not data.is_judged_in_folds:
        learned &= ~np.isin(np.arange(len(learned)), data.splits.rows(data.tickets, SplitName.HOLDOUT))
        for split in (SplitName.TRAIN, SplitName.EVALUATION):
            for rows in data.pairs.of(split).rows(data.tickets):
                learned[rows] = True
    return learned_from(
        data.tickets, np.flatnonzero(learned), run, utc_now(), read_learned(Path(start.source))
    )
