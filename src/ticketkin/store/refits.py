"""Refits of the ranking: what each was fitted on, how it did, and which of them answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ticketkin.store.database import Transaction

_REFITTER = 7_461_003
"""Of PostgreSQL's advisory locks."""
_COLUMNS = (
    "bundle, number, fitted_at, n_standing, n_answers, n_random, loss_before, loss_after, gain, gain_low, "
    "gain_high, is_taken_over, withdrawn_at"
)


@dataclass(frozen=True)
class StoredRefit:
    """One refit of a bundle's ranking, without its weights."""

    bundle: str
    number: int
    """Counted from 1 for each bundle."""
    fitted_at: datetime
    n_standing: int
    """Answers that stood, whether they could be learned from or not."""
    n_answers: int
    """Those it was fitted on."""
    n_random: int
    """Those of them on pairs drawn at random."""
    loss_before: float | None
    """Mean logarithmic loss of the bundle's own weights on these."""
    loss_after: float | None
    """Of the refit, out of fold."""
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    is_taken_over: bool
    withdrawn_at: datetime | None
    """When somebody let the bundle's own weights answer again."""

    @property
    def changes_something(self) -> bool:
        """Whether it took over and can be told from the weights of the bundle."""
        return self.is_taken_over and self.gain_low is not None and self.gain_low > 0


@dataclass(frozen=True)
class AnsweredPair:
    """A pair that a bundle showed, what its ranking read of it, and what people say."""

    one: str
    other: str
    answer: str
    features: bytes
    is_random: bool
    """Whether it was drawn at random among what is stated."""


def try_to_refit(connection: Transaction) -> bool:
    """Return whether no other process refits; none does until the transaction ends."""
    row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (_REFITTER,)).fetchone()
    return row is not None and bool(row[0])


def count_standing(connection: Transaction) -> int:
    """Return how many pairs have an answer that stands and is not unsure."""
    row = connection.execute("SELECT count(*) FROM standing_answers WHERE answer <> 'unsure'").fetchone()
    return int(row[0]) if row is not None else 0


def answered_pairs(connection: Transaction, bundle: str) -> list[AnsweredPair]:
    """Return the pairs with an answer of which it is kept what a bundle's ranking read, refits included."""
    rows = connection.execute(
        """
        SELECT DISTINCT ON (one, other) one, other, answer, features, EXISTS (
            SELECT FROM review_draws AS draws
            WHERE share = 'random' AND draws.bundle = %(bundle)s
            AND least(draws.ticket_id, draws.candidate) = one
            AND greatest(draws.ticket_id, draws.candidate) = other
        ) FROM standing_answers JOIN (
            SELECT least(ticket_id, candidate) AS one, greatest(ticket_id, candidate) AS other,
                features, asked_at
            FROM questions JOIN suggestions USING (question_id)
            WHERE ticket_id IS NOT NULL AND features IS NOT NULL
            AND bundle = %(bundle)s
        ) AS shown USING (one, other)
        WHERE answer <> 'unsure' ORDER BY one, other, asked_at DESC
        """,
        {"bundle": bundle},
    ).fetchall()
    return [AnsweredPair(*row) for row in rows]


def put_refit(connection: Transaction, refit: StoredRefit, weights: bytes) -> None:
    """Store a refit; if it was taken over, it answers from now on."""
    values = [getattr(refit, name) for name in _COLUMNS.split(", ")]
    places = ", ".join(["%s"] * (len(values) + 1))
    connection.execute(
        f"INSERT INTO refits ({_COLUMNS}, weights) VALUES ({places})",  # noqa: S608 - names of columns
        (*values, weights),
    )


def refits_of(connection: Transaction, bundle: str, most: int) -> list[StoredRefit]:
    """Return the refits of a bundle, the newest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM refits WHERE bundle = %s ORDER BY number DESC LIMIT %s",  # noqa: S608 - names of columns
        (bundle, most),
    ).fetchall()
    return [StoredRefit(*row) for row in rows]


def answering_refit(connection: Transaction, bundle: str) -> int | None:
    """Return the number of the refit that answers in place of a bundle's own weights; None without one."""
    row = connection.execute(
        "SELECT max(number) FROM refits WHERE bundle = %s AND is_taken_over AND withdrawn_at IS NULL",
        (bundle,),
    ).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def refit_weights(connection: Transaction, bundle: str, number: int) -> bytes | None:
    """Return the weights of a refit."""
    row = connection.execute(
        "SELECT weights FROM refits WHERE bundle = %s AND number = %s", (bundle, number)
    ).fetchone()
    return None if row is None else bytes(row[0])


def withdraw_refits(connection: Transaction, bundle: str) -> int:
    """Let a bundle's own weights answer again; return how many refits that took back."""
    return connection.execute(
        "UPDATE refits SET withdrawn_at = now() WHERE bundle = %s AND is_taken_over AND withdrawn_at IS NULL",
        (bundle,),
    ).rowcount


def n_without_change(refits: Sequence[StoredRefit]) -> int:
    """Return how many of the newest refits in a row changed nothing; `refits` stand the newest first."""
    for place, one in enumerate(refits):
        if one.changes_something:
            return place
    return len(refits)
