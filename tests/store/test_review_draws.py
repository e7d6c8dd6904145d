"""The random share is a random sample of what was stated, whatever people answer beside it."""

from collections.abc import Iterator
from uuid import uuid4

import numpy as np
import pytest

from new_databases import new_database
from ticket_material import make_tickets
from ticketkin.lexical.vocabulary import stable_hashes
from ticketkin.serving.segment import content_hashes
from ticketkin.store.answers import pairs_of_answers, put_answer
from ticketkin.store.database import Database, Transaction
from ticketkin.store.embedded import EmbeddedServer
from ticketkin.store.review_draws import (
    ShownPair,
    StatedStratum,
    Statements,
    count_draws,
    draw_at_random,
    put_draw,
    second_opinion,
    stated_strata,
    unanswered_pairs,
)
from ticketkin.store.suggestions import Question, Shown, put_question
from ticketkin.store.tickets import put_tickets

STATED = Statements("b1", ("say", "suggest"), 0.5)
N_ASKED = 40
NAMES = [f"T{number}" for number in range(3 * N_ASKED)]


@pytest.fixture(scope="module")
def filled(postgres: EmbeddedServer) -> Iterator[Database]:
    """40 tickets, each with a stated, a less surely stated and a silent candidate."""
    tickets = make_tickets(len(NAMES), number=NAMES, title=NAMES)
    with new_database(postgres) as url, Database(url) as database:
        with database.transaction() as connection:
            put_tickets(connection, tickets, content_hashes(tickets), stable_hashes(NAMES))
            for n in range(N_ASKED):
                show(connection, n)
        yield database


def show(connection: Transaction, n: int, band: str = "say") -> None:
    shown = [
        Shown(f"T{N_ASKED + n}", "duplicate", band, 0.9, 0.8),
        Shown(f"T{2 * N_ASKED + n}", "none", "silent", 0.99, 0.9),
    ]
    if n % 4 == 0:
        shown.append(Shown(f"T{(n + 1) % N_ASKED}", "related", "suggest", 0.6, 0.5))
    put_question(connection, Question(uuid4(), f"T{n}", "b1", 1, shown))


class _RolledBackError(Exception):
    """Ends a transaction without leaving anything."""


@pytest.fixture
def connection(filled: Database) -> Iterator[Transaction]:
    """A transaction over the filled tables that leaves nothing behind."""
    try:
        with filled.transaction() as opened:
            yield opened
            raise _RolledBackError
    except _RolledBackError:
        pass


def some_time_later(connection: Transaction) -> None:
    connection.execute("UPDATE review_draws SET drawn_at = drawn_at - interval '1 hour'")


def answered(connection: Transaction, pair: ShownPair, answer: str) -> None:
    put_answer(connection, pair.ticket_id, pair.candidate, answer, "jo")


def test_strata_are_drawn_from_in_proportion_and_with_known_probabilities(connection: Transaction) -> None:
    drawn = []
    while (pair := draw_at_random(connection, STATED)) is not None:
        answered(connection, pair, pair.kind)
        drawn.append(pair)
        if len(drawn) == 25:
            assert sum(one.band == "say" for one in drawn) == 20
    assert len(set(drawn)) == len(drawn) == 50 and {one.band for one in drawn} == {"say", "suggest"}
    assert stated_strata(connection, STATED) == [
        StatedStratum("duplicate", "say", 40, 40, 40, 40),
        StatedStratum("related", "suggest", 10, 10, 10, 10),
    ]
    rows = connection.execute(
        "SELECT probability FROM review_draws WHERE band = 'say' ORDER BY draw_id"
    ).fetchall()
    assert [row[0] for row in rows] == pytest.approx(np.arange(1, 41) / 40)


def test_what_people_answer_by_their_own_choice_does_not_enter(connection: Transaction) -> None:
    first = draw_at_random(connection, STATED)
    assert first is not None
    answered(connection, first, "none")
    before = stated_strata(connection, STATED)
    for pair in unanswered_pairs(connection, "b1", 10):
        put_draw(connection, "b1", pair, "border")
        answered(connection, pair, "none")
    assert stated_strata(connection, STATED) == before


def test_answers_that_are_there_count_once_their_pair_is_drawn_and_nobody_is_asked_again(
    connection: Transaction,
) -> None:
    for n in range(0, N_ASKED, 2):
        put_answer(connection, f"T{N_ASKED + n}", f"T{n}", "duplicate", "jo")
    asked = set()
    while (pair := draw_at_random(connection, STATED)) is not None:
        asked.add(pair)
        answered(connection, pair, "none")
    assert len(asked) == 30
    assert stated_strata(connection, STATED)[0] == StatedStratum("duplicate", "say", 40, 40, 40, 20)


def test_a_pair_that_was_left_is_asked_again_after_a_while(connection: Transaction) -> None:
    left, other = draw_at_random(connection, STATED), draw_at_random(connection, STATED)
    assert left is not None and other is not None and left != other
    connection.execute("UPDATE review_draws SET drawn_at = drawn_at - interval '1 hour' WHERE draw_id = "
                       "(SELECT min(draw_id) FROM review_draws)")  # fmt: skip
    assert draw_at_random(connection, STATED) == left
    assert draw_at_random(connection, STATED) not in (left, other)
    assert count_draws(connection, "b1") == 3


def test_unsure_is_no_answer_and_is_not_asked_again(connection: Transaction) -> None:
    pair = draw_at_random(connection, STATED)
    assert pair is not None
    answered(connection, pair, "unsure")
    some_time_later(connection)
    assert draw_at_random(connection, STATED) != pair
    assert [one.n_answered for one in stated_strata(connection, STATED)] == [0, 0]


def test_a_pair_that_is_stated_no_more_counts_no_more(connection: Transaction) -> None:
    while (pair := draw_at_random(connection, STATED)) is not None:
        answered(connection, pair, "none")
    connection.execute("UPDATE questions SET asked_at = asked_at - interval '1 day'")
    show(connection, 1, band="silent")
    assert stated_strata(connection, STATED)[0] == StatedStratum("duplicate", "say", 39, 39, 39, 0)
    assert stated_strata(connection, Statements("b2", ("say",), 0.5)) == []


def test_the_first_by_the_ranking_is_known_and_who_has_a_pair_before_them_keeps_it(
    connection: Transaction,
) -> None:
    pairs = unanswered_pairs(connection, "b1", 1_000)
    assert len(pairs) == 90
    assert {one.is_first for one in pairs if one.band == "silent"} == {True}
    assert {one.is_first for one in pairs if one.band != "silent"} == {False}
    put_draw(connection, "b1", pairs[0], "border")
    assert pairs[0] not in unanswered_pairs(connection, "b1", 1_000)


def test_one_pair_in_ten_is_asked_of_a_second_person_and_of_no_third(connection: Transaction) -> None:
    n_pairs = 0
    while (pair := draw_at_random(connection, STATED)) is not None:
        answered(connection, pair, "none")
        n_pairs += 1
    assert second_opinion(connection, "b1", "kim") is None  # somebody may still have them before them
    some_time_later(connection)
    assert second_opinion(connection, "b1", "jo") is None
    asked = []
    while (pair := second_opinion(connection, "b1", "kim")) is not None:
        put_answer(connection, pair.candidate, pair.ticket_id, pair.kind, "kim")
        asked.append(pair)
    assert len(set(asked)) == len(asked) < n_pairs / 2
    assert sorted(pairs_of_answers(connection)) == sorted(("none", pair.kind) for pair in asked)
    some_time_later(connection)
    assert second_opinion(connection, "b1", "lee") is None


def test_about_one_in_ten_is_one_in_ten(connection: Transaction) -> None:
    shares = []
    for _ in range(12):
        connection.execute("UPDATE installation SET id = gen_random_uuid()")
        connection.execute("DELETE FROM answers")
        connection.execute("DELETE FROM review_draws")
        while (pair := draw_at_random(connection, STATED)) is not None:
            answered(connection, pair, "none")
        some_time_later(connection)
        n_asked = 0
        while (pair := second_opinion(connection, "b1", "kim")) is not None:
            n_asked += 1
        shares.append(n_asked / 50)
    assert 0.04 < np.mean(shares) < 0.17


def test_who_was_unsure_or_took_an_answer_back_did_not_judge(connection: Transaction) -> None:
    pair = ShownPair("T0", "T40", "duplicate", "say", 0.9, is_first=False)
    answered(connection, pair, "none")
    for answer in ("duplicate", "unsure"):
        put_answer(connection, pair.ticket_id, pair.candidate, answer, "kim")
    assert pairs_of_answers(connection) == []
    put_answer(connection, pair.ticket_id, pair.candidate, "related", "kim")
    assert pairs_of_answers(connection) == [("none", "related")]
