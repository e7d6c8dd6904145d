"""Pairs of a run as files for other tools, and the check of such files."""

from pathlib import Path

import numpy as np
import polars as pl

from ticketkin.core.errors import MissingInputError
from ticketkin.core.tables import SplitName
from ticketkin.pairs.interchange import TextPairs
from ticketkin.workflows.artifacts import PAIRS
from ticketkin.workflows.configuration import read_job
from ticketkin.workflows.run_data import RunData


def pairs_of_run(folder: Path, split: SplitName) -> TextPairs:
    """Return the labelled pairs of one split of a run as texts, with phases and categories.

    Raises MissingInputError where the run has no pairs yet.
    """
    if not (folder / PAIRS).exists():
        raise MissingInputError(f"{folder} holds no pairs yet. Run: ticketkin pairs {folder}")
    return text_pairs(RunData.of(folder, read_job(folder)), split)


def text_pairs(data: RunData, split: SplitName) -> TextPairs:
    """Return the labelled pairs of one split as texts, with phases and categories."""
    pairs = data.pairs.of(split)
    left, right = pairs.rows(data.tickets)
    categories = data.tickets.frame["category"].to_list()
    return TextPairs(
        left=[data.texts[row] for row in left],
        right=[data.texts[row] for row in right],
        labels=pairs.frame["label"].cast(pl.Int64).to_numpy().astype(np.int64),
        phases=pairs.frame["phase"].cast(pl.Int64).to_numpy().astype(np.int64),
        left_categories=[categories[row] for row in left],
        right_categories=[categories[row] for row in right],
    )
