"""The ranking of the model that answers, fitted anew after every 50 answers.

One process fits, in seconds; the weights lie in the database and answer in every process if they are no worse
than the bundle's own on the answers that were drawn at random, each judged by weights that never saw its
tickets.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from safetensors.numpy import load, save

from ticketkin.core.arrays import SavedArrays
from ticketkin.core.tables import BoolArray, IntArray, Kind
from ticketkin.ranking.models import LogisticModel
from ticketkin.ranking.refit import TRAINING_ROWS, PairRows, Refit, RefitResult, refit
from ticketkin.ranking.scorer import PairScorer
from ticketkin.serving.bundle import RANKING, Bundle
from ticketkin.serving.manifest import COPY_AGAIN
from ticketkin.store.audit import put_audit
from ticketkin.store.database import Database, Transaction
from ticketkin.store.refits import (
    AnsweredPair,
    StoredRefit,
    answered_pairs,
    answering_refit,
    count_standing,
    put_refit,
    refit_weights,
    refits_of,
    try_to_refit,
)
from ticketkin.tickets.folds import independent_units

ANSWERS_BETWEEN = 50
"""New answers after which the ranking is fitted anew."""
_ACTOR = "refit"
_PREFIX = "refit"


def can_refit(bundle: Bundle) -> bool:
    """Return whether a bundle carries what refits need: a learned ranking, and rows of its run."""
    return isinstance(bundle.scorer, PairScorer) and (bundle.folder / RANKING / TRAINING_ROWS).is_file()


def refit_when_due(database: Database, bundle: Bundle) -> StoredRefit | None:
    """Fit the ranking anew if 50 answers came since the last time; return what came of it.

    None where nothing is due, another process is at it, or the bundle can't be refitted.
    """
    if not can_refit(bundle):
        return None
    with database.transaction() as connection:
        standing, last = count_standing(connection), _last(connection, bundle)
        before = 0 if last is None else last.n_standing
        if standing - before < ANSWERS_BETWEEN or not try_to_refit(connection):
            return None
        pairs = answered_pairs(connection, bundle.id)
        if not pairs:
            return None
        answered, is_random = _as_rows(pairs)
        of_run = PairRows.load(bundle.folder / RANKING / TRAINING_ROWS, COPY_AGAIN)
        result = refit(of_run, answered, is_random)
        stored = _as_stored(bundle, 1 if last is None else last.number + 1, standing, result)
        put_refit(connection, stored, save(result.model.arrays(_PREFIX)))
        what = "took over" if stored.is_taken_over else "was not taken over"
        put_audit(connection, _ACTOR, f"refit {stored.number} {what}", answers=stored.n_answers)
        return stored


def refit_to_answer_by(connection: Transaction, bundle: Bundle, known: Refit | None) -> Refit | None:
    """Return the refit that answers in place of the bundle's own weights, `known` where it is that one."""
    number = answering_refit(connection, bundle.id)
    if number is None or (known is not None and known.number == number):
        return known if number is not None else None
    weights = refit_weights(connection, bundle.id, number)
    if weights is None or not isinstance(bundle.scorer, PairScorer):
        return None
    arrays = SavedArrays(bundle.folder, "Withdraw the refit: DELETE /v1/refits", load(weights))
    return Refit(number, LogisticModel.from_arrays(arrays, _PREFIX, bundle.scorer.n_row_features))


def _last(connection: Transaction, bundle: Bundle) -> StoredRefit | None:
    newest = refits_of(connection, bundle.id, 1)
    return newest[0] if newest else None


def _as_rows(pairs: Sequence[AnsweredPair]) -> tuple[PairRows, BoolArray]:
    """Return answers as rows, kin where people said duplicate, as in a run; and which are random draws."""
    rows = np.stack([np.frombuffer(pair.features, dtype="<f4") for pair in pairs]).astype(np.float32)
    labels = np.array([pair.answer == Kind.DUPLICATE.value for pair in pairs], dtype=np.int64)
    is_random = np.array([pair.is_random for pair in pairs], dtype=np.bool_)
    return PairRows(rows, labels, units_of(pairs)), is_random


def units_of(pairs: Sequence[AnsweredPair]) -> IntArray:
    """Return a number for each pair, shape (n_pairs,); pairs that share a ticket share it."""
    ends = [name for pair in pairs for name in (pair.one, pair.other)]
    names = {name: number for number, name in enumerate(dict.fromkeys(ends))}
    tickets = np.array([names[name] for name in ends], dtype=np.int64)
    of_pair = np.repeat(np.arange(len(pairs)), 2)
    return independent_units([tickets, of_pair])[::2]


def _as_stored(bundle: Bundle, number: int, standing: int, result: RefitResult) -> StoredRefit:
    return StoredRefit(
        bundle=bundle.id,
        number=number,
        fitted_at=datetime.now(UTC),
        n_standing=standing,
        n_answers=result.n_answers,
        n_random=result.n_random,
        loss_before=result.loss_before,
        loss_after=result.loss_after,
        gain=result.gain.value,
        gain_low=result.gain.low,
        gain_high=result.gain.high,
        is_taken_over=result.is_no_worse,
        withdrawn_at=None,
    )
