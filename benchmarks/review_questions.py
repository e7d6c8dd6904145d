"""What the next question of a review costs the database, at many shown pairs.

    python benchmarks/review_questions.py --pairs 200000

Fills the database of an embedded server with tickets, made-up statements about pairs and 2,000 answers, and
asks for each part of a question five times. Counted is the time that the server's process computes, which
other load on the machine does not change.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from ticketkin.store.database import Database, Transaction
from ticketkin.store.embedded import EmbeddedServer
from ticketkin.store.review_draws import (
    Statements,
    draw_at_random,
    nearest_waiting,
    second_opinion,
    stated_strata,
    waiting_near,
)

_BUNDLE = "made-up"
_SHOWN = 10
_REPEATS = 5
_STATED = Statements(_BUNDLE, ("say", "suggest"), 0.5)
_ANCHORS = [
    *((kind, value) for kind in ("duplicate", "related", "causal") for value in (0.6, 0.9, 1.0)),
    *(("none", value) for value in (0.1, 0.4, 1.0)),
]
_PARTS: dict[str, Callable[[Transaction], object]] = {
    "whether a second person is to be asked": lambda c: second_opinion(c, _BUNDLE, "kim"),
    "the nearest pairs": lambda c: nearest_waiting(c, _BUNDLE, 1_000),
    "pairs next to each threshold": lambda c: waiting_near(c, _BUNDLE, _ANCHORS, 200),
    "one pair at random": lambda c: draw_at_random(c, _STATED),
    "what was stated and judged, for Trust": lambda c: stated_strata(c, _STATED),
}


def _fill(connection: Transaction, n_tickets: int) -> None:
    columns = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() "
        "AND table_name = 'tickets' AND data_type = 'text' AND column_name <> 'ticket_id'"
    ).fetchall()
    names, blanks = ", ".join(str(row[0]) for row in columns), ", ".join("''" for _ in columns)
    connection.execute("SELECT setseed(0.5)")
    for statement in (
        f"INSERT INTO tickets (ticket_id, {names}, content, change) "
        f"SELECT 'T' || n, {blanks}, n, n FROM generate_series(1, {n_tickets}) AS n",
        f"INSERT INTO questions (question_id, ticket_id, bundle, change) "
        f"SELECT gen_random_uuid(), 'T' || n, '{_BUNDLE}', 1 FROM generate_series(1, {n_tickets}) AS n",
        f"""
        INSERT INTO suggestions (question_id, place, candidate, kind, band, probability, similarity)
        SELECT question_id, place, candidate, kind, CASE WHEN kind = 'none' THEN 'silent'
            WHEN sure > 0.9 THEN 'say' WHEN sure > 0.6 THEN 'suggest' ELSE 'silent' END, sure, near
        FROM (
            SELECT question_id, place, 'T' || (1 + (substr(ticket_id, 2)::int + 37 * place) % {n_tickets})
                AS candidate, CASE WHEN place = 1 AND random() < 0.4 THEN 'duplicate'
                WHEN place = 2 AND random() < 0.3 THEN 'related' ELSE 'none' END AS kind,
                0.4 + 0.6 * random() AS sure, (11 - place) / 11.0 * random() AS near
            FROM questions, generate_series(1, {_SHOWN}) AS place
        ) AS shown
        """,
        """
        INSERT INTO shown_pairs
        SELECT bundle, ticket_id, candidate, question_id, asked_at, kind, band, probability, similarity,
            place = 1, draw_key_of(ticket_id, candidate)
        FROM questions JOIN suggestions USING (question_id)
        """,
        """
        INSERT INTO answers (answer_id, source, target, answer, reviewer)
        SELECT gen_random_uuid(), ticket_id, candidate, 'duplicate', 'jo' FROM shown_pairs
        WHERE is_first ORDER BY draw_key LIMIT 2000
        """,
        "ANALYZE",
    ):
        connection.execute(statement)


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=200_000)
    n_pairs = parser.parse_args().pairs
    table = Table("Part of a question", "Server, ms", title=f"{n_pairs:,} shown pairs")
    with tempfile.TemporaryDirectory(prefix="kin-") as folder:
        server = EmbeddedServer(Path(folder) / "pg")
        with Database(server.url) as database:
            with database.transaction() as connection:
                _fill(connection, n_pairs // _SHOWN)
            with database.transaction() as connection:
                row = connection.execute("SELECT pg_backend_pid()").fetchone()
                backend = psutil.Process(int(str(row[0] if row else 0)))
                for name, ask in _PARTS.items():
                    before = sum(backend.cpu_times()[:2])
                    for _ in range(_REPEATS):
                        ask(connection)
                    spent = (sum(backend.cpu_times()[:2]) - before) / _REPEATS
                    table.add_row(name, f"{1_000 * spent:,.0f}")
        server.stop()
    Console().print(table)


if __name__ == "__main__":
    main()
