"""How each fold's ranking is saved; these rankings are used to learn kinds of the run's own tickets."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from ticketkin.core.arrays import AnyArray, load_arrays, save_arrays
from ticketkin.core.ranking import Ranker
from ticketkin.encoders.dense import DenseRanker
from ticketkin.ranking.corpus_state import REMEDY
from ticketkin.ranking.cross_fitted import CrossFittedRanker
from ticketkin.ranking.fusion import (
    FusionRanker,
)
from ticketkin.ranking.scorer import PairScorer
from ticketkin.workflows.ranking_record import RankingRecord
from ticketkin.workflows.run_data import RunData

FOLDS = "folds"
"""Folder of the weights by folds, within that of the ranking; a bundle does not need it."""
_ENCODER_FOLDS = "encoder_folds.safetensors"
_FOLD_OF_TICKET = "fold_of_ticket.safetensors"


def save_folds(folder: Path, folds: CrossFittedRanker, record: RankingRecord) -> None:
    """Write the weights of each fold, which are used to learn kinds of the run's tickets."""
    for number, ranker in enumerate(folds.rankers):
        if isinstance(ranker, FusionRanker):
            place = folder / FOLDS / str(number)
            place.mkdir(parents=True)
            ranker.scorer.save_weights(place, asdict(record))
    save_arrays(folder / FOLDS / _FOLD_OF_TICKET, {"fold": folds.fold_of_ticket})


def save_encoder_folds(folder: Path, folds: CrossFittedRanker) -> None:
    """Write the embeddings by each fold's encoder: where an encoder won, kinds are learned from them."""
    embeddings = [ranker.embeddings for ranker in folds.rankers if isinstance(ranker, DenseRanker)]
    (folder / FOLDS).mkdir(exist_ok=True)
    arrays: dict[str, AnyArray] = {"embeddings": np.stack(embeddings), "fold": folds.fold_of_ticket}
    save_arrays(folder / FOLDS / _ENCODER_FOLDS, arrays)


def encoder_by_folds(data: RunData, name: str, folder: Path) -> Ranker:
    """Return an encoder by folds, as `save_encoder_folds` wrote it: the one that is kept saw all links."""
    arrays = load_arrays(folder / _ENCODER_FOLDS, REMEDY)
    fold = arrays.get("fold", np.int64, (len(data.tickets),))
    shape = (int(fold.max()) + 1, len(data.tickets), None)
    embeddings = arrays.get("embeddings", np.float32, shape)
    return CrossFittedRanker(name, [DenseRanker(name, own) for own in embeddings], fold)


def by_folds(data: RunData, folder: Path, fitted: FusionRanker) -> Ranker:
    """Return the learned ranking by folds, as `save_folds` wrote it."""
    arrays = load_arrays(folder / _FOLD_OF_TICKET, REMEDY)
    fold = arrays.get("fold", np.int64, (len(data.tickets),))
    rankers = [
        fitted.with_weights(PairScorer.load(folder / str(number), fitted.scorer.state))
        for number in range(int(fold.max()) + 1)
    ]
    return CrossFittedRanker("fusion", rankers, fold)
