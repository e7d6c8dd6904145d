"""The random share is a random sample of what was stated, whatever people answer beside it."""

from collections import Counter
from collections.abc import Iterator
from uuid import uuid4

import numpy as np
import psycopg
import pytest
from scipy.stats import chi2

from new_databases import new_database
from ticket_material import make_tickets
from ticketkin.evaluation.stratified import SampledStratum, stratified_share
from ticketkin.lexical.vocabulary import stable_hashes
from ticketkin.serving.segment import content_hashes
from ticketkin.store.answers import pairs_of_answers, put_answer
from ticketkin.store.database import Database, Transaction
from ticketkin.store.embedded import EmbeddedServer
from ticketkin.store.migrations import MIGRATIONS
from ticketkin.store.review_draws import (
    ShownPair,
    StatedStratum,
    Statements,
    count_draws,
    draw_at_random,
    nearest_waiting,
    put_draw,
    second_opinion,
    shown_beside,
    stated_strata,
    waiting_near,
)
from ticketkin.store.suggestions import Question, Shown, forget_questions, put_question
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


def test_every_pair_is_drawn_as_often_as_any_other_and_the_estimate_is_unbiased(
    connection: Transaction,
) -> None:
    n_simulated, n_drawn = 40, 10
    right = {("say", n): n % 3 == 0 for n in range(N_ASKED)} | {
        ("suggest", n): n % 8 == 0 for n in range(0, N_ASKED, 4)
    }
    estimates, drawn = [], Counter()
    for number in range(n_simulated):
        connection.execute("UPDATE installation SET id = md5('simulation ' || %s::text)::uuid", (number,))
        connection.execute("UPDATE shown_pairs SET draw_key = draw_key_of(ticket_id, candidate)")
        connection.execute("DELETE FROM answers")
        connection.execute("DELETE FROM review_draws")
        for _ in range(n_drawn):
            pair = draw_at_random(connection, STATED)
            assert pair is not None
            key = (pair.band, int(pair.ticket_id[1:]))
            drawn[key] += 1
            answered(connection, pair, pair.kind if right[key] else "none")
        strata = stated_strata(connection, STATED)
        sample = [SampledStratum(one.n_stated, one.n_answered, one.n_right) for one in strata]
        assert [(one.n_population, one.n_answered) for one in sample] == [(40, 8), (10, 2)]
        estimates.append(stratified_share(sample).value)
    truth = sum(right.values()) / len(right)
    standard_error = np.std(estimates, ddof=1) / np.sqrt(n_simulated)
    assert abs(np.mean(estimates) - truth) < 3 * standard_error, (np.mean(estimates), truth)
    # Each of the 50 pairs was to be drawn in a fifth of the simulations: chi-squared, p over 0.001.
    expected = n_simulated / 5
    statistic = sum((drawn[key] - expected) ** 2 / expected for key in right) / (1 - 1 / 5)
    assert statistic < chi2.ppf(0.999, len(right) - 2), statistic


def test_what_people_answer_by_their_own_choice_does_not_enter(connection: Transaction) -> None:
    first = draw_at_random(connection, STATED)
    assert first is not None
    answered(connection, first, "none")
    before = stated_strata(connection, STATED)
    for pair in nearest_waiting(connection, "b1", 10):
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
    pairs = nearest_waiting(connection, "b1", 1_000)
    assert len(pairs) == 90
    assert {one.is_first for one in pairs if one.band == "silent"} == {True}
    assert {one.is_first for one in pairs if one.band != "silent"} == {False}
    put_draw(connection, "b1", pairs[0], "border")
    assert pairs[0] not in nearest_waiting(connection, "b1", 1_000)


def test_pairs_next_to_a_probability_come_from_both_sides_and_none_that_is_answered_or_held(
    connection: Transaction,
) -> None:
    connection.execute("UPDATE shown_pairs SET probability = (substr(ticket_id, 2)::int + 1) / 41.0 "
                       "WHERE band = 'say'")  # fmt: skip
    put_answer(connection, "T60", "T20", "unsure", "jo")
    put_draw(connection, "b1", ShownPair("T22", "T62", "duplicate", "say", 0.5, False), "border")
    near = waiting_near(connection, "b1", [("duplicate", 21 / 41), ("causal", 0.5), ("none", 1.0)], 3)
    asked = [int(pair.ticket_id[1:]) for pair in near if pair.kind == "duplicate"]
    assert sorted(asked) == [17, 18, 19, 21, 23, 24]
    assert sum(pair.kind == "none" for pair in near) == 3 and len(near) == 9
    beside = shown_beside(connection, "b1", ["T20", "T21", "none"])
    assert {name: len(pairs) for name, pairs in beside.items()} == {"T20": 3, "T21": 2}


def test_what_was_shown_last_counts_and_is_forgotten_with_its_question(connection: Transaction) -> None:
    def bands() -> list[str]:
        rows = connection.execute("SELECT band FROM shown_pairs WHERE ticket_id = 'T1' ORDER BY candidate")
        return [str(row[0]) for row in rows]

    show(connection, 1, band="suggest")  # at the same instant of one transaction
    assert bands() == ["suggest", "silent"]
    connection.execute("UPDATE shown_pairs SET asked_at = now() + interval '1 minute' WHERE ticket_id = 'T1'")
    show(connection, 1, band="silent")  # of a process whose clock is behind
    assert bands() == ["suggest", "silent"]
    connection.execute("UPDATE questions SET asked_at = now() - interval '100 days' WHERE ticket_id = 'T1'")
    assert forget_questions(connection, 90) == 3
    assert bands() == []


def test_what_an_earlier_release_showed_is_taken_over(postgres: EmbeddedServer) -> None:
    step = next(n for n, sql in enumerate(MIGRATIONS) if "CREATE TABLE shown_pairs" in sql)
    with new_database(postgres) as url, psycopg.connect(url, autocommit=True) as opened:
        opened.execute("CREATE SCHEMA ticketkin")
        opened.execute("CREATE EXTENSION vector SCHEMA ticketkin")
        opened.execute("SET search_path = ticketkin")
        for sql in MIGRATIONS[:step]:
            opened.execute(sql)
        tickets = make_tickets(3, number=["A", "B", "C"])
        with opened.transaction():
            put_tickets(opened, tickets, content_hashes(tickets), stable_hashes(tickets.ids))
        for days, band, nearness in ((2, "say", 0.9), (1, "silent", 0.4)):
            question = opened.execute(
                "INSERT INTO questions VALUES "
                "(gen_random_uuid(), now() - make_interval(days => %s), 'A', 'b1', 1) RETURNING question_id",
                (days,),
            ).fetchone()
            opened.execute(
                "INSERT INTO suggestions VALUES (%s, 1, 'B', 'duplicate', %s, 0.9, %s), "
                "(%s, 2, 'C', 'none', 'silent', 0.9, 0.5)",
                (question[0], band, nearness, question[0]),
            )
        opened.execute(MIGRATIONS[step])
        rows = opened.execute(
            "SELECT candidate, band, is_first FROM shown_pairs ORDER BY candidate"
        ).fetchall()
    assert rows == [("B", "silent", False), ("C", "silent", True)]


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
