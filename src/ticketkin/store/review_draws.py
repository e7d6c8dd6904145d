"""Which pairs people are asked about, why, and how many answers there are on the random ones.

What a bundle states of stored tickets falls into strata: one for each band and kind, as Trust lists them.
Within a stratum every pair has a permanent random number, a hash of its ids and of the installation, and
pairs are drawn in its order (Ohlsson, "Coordination of samples using permanent random numbers", 1995). So
those drawn are a simple random sample of what was stated up to then, a pair that is stated later takes its
place among them, and what people choose to answer beside them does not enter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ticketkin.store.answers import standing_answer
from ticketkin.store.database import Transaction

Share = Literal["border", "against", "random"]
_HELD = "interval '10 minutes'"
"""How long a pair that one person was asked about is not given to anybody else."""

_FOR_TWO = """
    ('x' || left(md5((SELECT id FROM installation)::text || ' two ' || ticket_id || ' ' || candidate), 8))
    ::bit(32)::bigint %% 10 = 0
"""
"""Whether a pair is among the one in ten that two people are asked about."""


@dataclass(frozen=True)
class Statements:
    """What of all that was shown counts as stated."""

    bundle: str
    bands: Sequence[str]
    likely: float
    """Where no kinds were learned, the probability from which on a pair is stated."""


@dataclass(frozen=True)
class ShownPair:
    """A candidate as it was shown last beside a stored ticket."""

    ticket_id: str
    candidate: str
    kind: str
    band: str
    """Empty where no kinds were learned."""
    probability: float | None
    """Of that kind."""
    is_first: bool
    """Whether the ranking put it before all others that were shown."""


@dataclass(frozen=True)
class StatedStratum:
    """Pairs that a bundle states as one kind in one band, and what people said of a random sample."""

    kind: str
    band: str
    n_stated: int
    n_drawn: int
    """Of the random share."""
    n_answered: int
    """Those of them with an answer that stands and is not unsure."""
    n_right: int


_STATED = """
    shown_pairs.bundle = %s
    AND (shown_pairs.band = ANY(%s) OR (shown_pairs.band = '' AND shown_pairs.probability >= %s))
"""
_BESIDE = "one = least(ticket_id, candidate) AND other = greatest(ticket_id, candidate)"
_PAIR = "SELECT ticket_id, candidate, kind, band, shown_pairs.probability, is_first FROM shown_pairs"
_WAITS = f"""
    NOT EXISTS (
        SELECT FROM answers WHERE withdrawn_at IS NULL AND source = ticket_id AND target = candidate
    ) AND NOT EXISTS (
        SELECT FROM answers WHERE withdrawn_at IS NULL AND source = candidate AND target = ticket_id
    ) AND NOT EXISTS (
        SELECT FROM review_draws AS draws WHERE draws.bundle = shown_pairs.bundle
        AND draws.ticket_id = shown_pairs.ticket_id AND draws.candidate = shown_pairs.candidate
        AND drawn_at >= now() - {_HELD}
    )
"""  # noqa: S608 - a constant of this module
"""Whether nobody answered a pair and nobody has it before them."""


def stated_strata(connection: Transaction, stated: Statements) -> list[StatedStratum]:
    """Return what a bundle states, by band and kind."""
    rows = connection.execute(
        f"""
        WITH counted AS (
            SELECT kind, band, count(*) AS n_stated FROM shown_pairs WHERE {_STATED} GROUP BY kind, band
        ), judged AS (
            SELECT shown_pairs.kind, shown_pairs.band, count(*) AS n_drawn, count(answer) AS n_answered,
                count(*) FILTER (
                    WHERE answer = shown_pairs.kind OR (shown_pairs.kind = 'kin' AND answer <> 'none')
                ) AS n_right
            FROM review_draws AS draws JOIN shown_pairs USING (bundle, ticket_id, candidate)
            LEFT JOIN standing_answers ON {_BESIDE} AND answer <> 'unsure'
            WHERE share = 'random' AND {_STATED}
            GROUP BY shown_pairs.kind, shown_pairs.band
        )
        SELECT kind, band, n_stated, coalesce(n_drawn, 0), coalesce(n_answered, 0), coalesce(n_right, 0)
        FROM counted LEFT JOIN judged USING (kind, band) ORDER BY band, kind
        """,  # noqa: S608 - conditions of this module
        (stated.bundle, list(stated.bands), stated.likely) * 2,
    ).fetchall()
    return [StatedStratum(*row) for row in rows]


def draw_at_random(connection: Transaction, stated: Statements) -> ShownPair | None:
    """Return the next pair of the random share that has no answer; None where all are drawn.

    Pairs that were drawn and then left come again. Strata are drawn from in proportion to their pairs. What
    has an answer already is drawn as well, and nobody is asked again.
    """
    left = connection.execute(
        f"""
        {_PAIR} JOIN review_draws AS draws USING (bundle, ticket_id, candidate, kind, band)
        LEFT JOIN standing_answers ON {_BESIDE}
        WHERE shown_pairs.bundle = %s AND share = 'random' AND answer IS NULL AND drawn_at < now() - {_HELD}
        ORDER BY drawn_at LIMIT 1
        """,
        (stated.bundle,),
    ).fetchone()
    if left is not None:
        connection.execute(
            "UPDATE review_draws SET drawn_at = clock_timestamp() "
            "WHERE bundle = %s AND share = 'random' AND ticket_id = %s AND candidate = %s",
            (stated.bundle, *left[:2]),
        )
        return ShownPair(*left)
    while True:
        strata = [one for one in stated_strata(connection, stated) if one.n_drawn < one.n_stated]
        if not strata:
            return None
        stratum = max(strata, key=lambda one: one.n_stated / (one.n_drawn + 1))
        row = connection.execute(
            f"""
            {_PAIR} WHERE {_STATED} AND kind = %s AND band = %s AND NOT EXISTS (
                SELECT FROM review_draws AS draws WHERE share = 'random' AND draws.bundle = shown_pairs.bundle
                AND draws.ticket_id = shown_pairs.ticket_id AND draws.candidate = shown_pairs.candidate
            ) ORDER BY draw_key LIMIT 1
            """,
            (stated.bundle, list(stated.bands), stated.likely, stratum.kind, stratum.band),
        ).fetchone()
        if row is None:  # drawn by somebody else just now
            return None
        pair = ShownPair(*row)
        put_draw(connection, stated.bundle, pair, "random", (stratum.n_drawn + 1) / stratum.n_stated)
        if standing_answer(connection, pair.ticket_id, pair.candidate) is None:
            return pair


def second_opinion(connection: Transaction, bundle: str, reviewer: str) -> ShownPair | None:
    """Return a pair that one other person has judged and that is among the one in ten asked of two.

    Which pairs these are is fixed by a hash, and has nothing to do with what they are or were called.
    """
    row = connection.execute(
        f"""
        WITH judged_once AS (
            SELECT least(source, target) AS one, greatest(source, target) AS other
            FROM answers WHERE withdrawn_at IS NULL GROUP BY one, other
            HAVING count(DISTINCT reviewer) = 1 AND bool_and(reviewer <> %s AND answer <> 'unsure')
        ), either_way AS (
            SELECT one AS ticket_id, other AS candidate FROM judged_once
            UNION ALL SELECT other, one FROM judged_once
        )
        {_PAIR} JOIN either_way USING (ticket_id, candidate)
        WHERE bundle = %s AND {_FOR_TWO} AND (
            SELECT max(drawn_at) < now() - {_HELD} FROM review_draws AS draws
            WHERE draws.bundle = shown_pairs.bundle
            AND draws.ticket_id = shown_pairs.ticket_id AND draws.candidate = shown_pairs.candidate
        ) LIMIT 1
        """,  # noqa: S608 - constants of this module
        (reviewer, bundle),
    ).fetchone()
    if row is not None:
        connection.execute(
            "UPDATE review_draws SET drawn_at = clock_timestamp() "
            "WHERE bundle = %s AND ticket_id = %s AND candidate = %s",
            (bundle, *row[:2]),
        )
    return None if row is None else ShownPair(*row)


def put_draw(
    connection: Transaction, bundle: str, pair: ShownPair, share: Share, probability: float | None = None
) -> None:
    """Keep that a pair is asked about, why, and for the random share with which probability it was drawn.

    Of a pair that was drawn before, only the time is renewed.
    """
    connection.execute(
        "INSERT INTO review_draws (bundle, ticket_id, candidate, share, kind, band, probability) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s) "
        "ON CONFLICT (bundle, share, ticket_id, candidate) DO UPDATE SET drawn_at = clock_timestamp()",
        (bundle, pair.ticket_id, pair.candidate, share, pair.kind, pair.band, probability),
    )


def count_draws(connection: Transaction, bundle: str) -> int:
    """Return how many questions were drawn of what a bundle showed."""
    row = connection.execute("SELECT count(*) FROM review_draws WHERE bundle = %s", (bundle,)).fetchone()
    assert row is not None  # noqa: S101 - a count is one row
    return int(str(row[0]))


def chosen_tickets(connection: Transaction, bundle: str) -> set[str]:
    """Return the tickets of the pairs that were chosen for what they teach, not at random."""
    rows = connection.execute(
        "SELECT ticket_id, candidate FROM review_draws WHERE bundle = %s AND share <> 'random'", (bundle,)
    ).fetchall()
    return {str(name) for row in rows for name in row}


def shown_beside(
    connection: Transaction, bundle: str, ticket_ids: Sequence[str]
) -> dict[str, list[ShownPair]]:
    """Return what a bundle showed beside each ticket, by ticket; those of which nothing was are left out."""
    shown: dict[str, list[ShownPair]] = {}
    rows = connection.execute(
        f"{_PAIR} WHERE bundle = %s AND ticket_id = ANY(%s) ORDER BY similarity DESC NULLS LAST, candidate",
        (bundle, list(ticket_ids)),
    ).fetchall()
    for row in rows:
        pair = ShownPair(*row)
        shown.setdefault(pair.ticket_id, []).append(pair)
    return shown


def nearest_waiting(connection: Transaction, bundle: str, most: int) -> list[ShownPair]:
    """Return the pairs that the ranking puts nearest, of those that a bundle showed and that wait.

    A pair waits where nobody answered it and nobody has it before them.
    """
    rows = connection.execute(
        f"""
        {_PAIR} WHERE bundle = %s AND {_WAITS}
        ORDER BY similarity DESC NULLS LAST LIMIT %s
        """,
        (bundle, most),
    ).fetchall()
    return [ShownPair(*row) for row in rows]


def waiting_near(
    connection: Transaction, bundle: str, anchors: Sequence[tuple[str, float]], most: int
) -> list[ShownPair]:
    """Return waiting pairs whose probability is next to a value, `most` on either side of each anchor.

    An anchor is a kind and a probability of it.
    """
    below, above = (
        f"""
        ({_PAIR} WHERE bundle = %(bundle)s AND kind = anchor.kind
        AND probability {side} anchor.value AND {_WAITS} ORDER BY probability {order} LIMIT %(most)s)
        """
        for side, order in (("<=", "DESC"), (">", "ASC"))
    )
    rows = connection.execute(
        f"""
        SELECT near.* FROM unnest(%(kinds)s::text[], %(values)s::float8[]) AS anchor (kind, value),
        LATERAL ({below} UNION ALL {above}) AS near
        """,  # noqa: S608 - conditions of this module
        {
            "bundle": bundle,
            "most": most,
            "kinds": [kind for kind, _ in anchors],
            "values": [value for _, value in anchors],
        },
    ).fetchall()
    return list(dict.fromkeys(ShownPair(*row) for row in rows))
