"""Tickets over HTTP: stored, changed, deleted, and found as the verdict judged them."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from service_desk import Desk

from bundle_material import Judged
from ticketkin.core.tables import Tickets
from ticketkin.service.corpus import Corpus
from ticketkin.serving.answers import Answer
from ticketkin.tickets.mapping import find_mapping
from ticketkin.tickets.sample import write_sample

COFFEE = {
    "number": "INC1", "title": "Kaffeemaschine zeigt Fehler E17", "state": "Closed",
    "close_notes": "Pump was blocked by limescale and has been replaced",
    "opened_at": "2024-01-05 10:00:00", "resolved_at": "2024-01-06 10:00:00",
}  # fmt: skip
BADGE = {"number": "INC2", "title": "Badge reader at the gate is dead", "opened_at": "2024-01-06 09:00:00"}


def stored(desk: Desk, *tickets: dict[str, str]) -> dict[str, object]:
    answer = desk.client.post("/v1/tickets", json={"tickets": list(tickets)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_ticket_is_stored_once_changed_and_deleted(desk: Desk) -> None:
    done = stored(desk, COFFEE, BADGE)
    assert (done["n_added"], done["n_updated"], done["n_unchanged"], done["rejected"]) == (2, 0, 0, [])
    again = stored(desk, COFFEE, {**BADGE, "state": "Closed"})
    assert (again["n_added"], again["n_updated"], again["n_unchanged"]) == (0, 1, 1)
    asked = {"text": "Kaffeemaschine Fehler E17 schon wieder", "k": 5}
    relations = desk.client.post("/v1/relate", json=asked).json()["relations"]
    solutions = {one["ticket_id"]: one["solution"] for one in relations}
    assert solutions.keys() == {"INC1", "INC2"} and "limescale" in solutions["INC1"]
    assert desk.client.delete("/v1/tickets/INC1").json() == {"n_deleted": 1, "unknown": []}
    assert desk.client.delete("/v1/tickets/INC1").status_code == 404
    named = desk.client.delete("/v1/tickets", params={"name": ["INC2", "INC9"]})
    assert named.json() == {"n_deleted": 1, "unknown": ["INC9"]}
    refused = desk.client.post("/v1/relate", json=asked)
    assert refused.status_code == 422 and "holds no ticket yet" in refused.json()["detail"]


def test_what_a_request_repeats_is_counted(desk: Desk) -> None:
    done = stored(desk, BADGE, {**BADGE, "state": "Closed"})
    assert (done["n_added"], done["n_repeated"]) == (1, 1)


def test_personal_data_never_reaches_the_database(desk: Desk) -> None:
    stored(desk, {"number": "INC7", "title": "Password of jane.doe@example.com does not work"})
    with desk.corpus.database.transaction() as connection:
        (title,) = connection.execute("SELECT title FROM tickets").fetchone()
    assert "jane.doe" not in title and "[EMAIL]" in title


def test_a_new_ticket_is_not_compared_with_later_ones(desk: Desk) -> None:
    stored(desk, COFFEE, BADGE)
    asked = {"text": "Badge reader is dead", "as_of": "2024-01-05 12:00:00"}
    answer = desk.client.post("/v1/relate", json=asked).json()
    assert [one["ticket_id"] for one in answer["relations"]] == ["INC1"]


def test_held_out_tickets_score_over_http_as_they_were_judged(
    desk: Desk, judged: Judged, tmp_path: Path
) -> None:
    """They are sent one at a time and as they were exported, to a service that holds all others."""
    write_sample(tmp_path / "raw.csv", 300, 3)
    raw = pl.read_csv(tmp_path / "raw.csv", infer_schema=False)
    columns = find_mapping(raw.columns, {}).columns
    by_field = raw.select(pl.col(column).alias(name) for name, column in columns.items())
    once = by_field.filter(pl.col("number").is_unique())
    held_out = {judged.tickets.ids[row]: place for place, row in enumerate(judged.rows)}
    asked = once.filter(pl.col("number").is_in(list(held_out)))
    others = judged.tickets.frame.filter(~pl.col("ticket_id").is_in(asked["number"].to_list()))
    desk.corpus.store(Tickets(others))
    n_compared = 0
    for record in asked.iter_rows(named=True):
        stored(desk, {name: value for name, value in record.items() if value})
        answer = desk.client.get(f"/v1/tickets/{record['number']}/kin", params={"k": 10}).json()
        verdict = judged.similarities[held_out[record["number"]]]
        for one in answer["relations"]:
            assert abs(one["similarity"] - verdict[judged.tickets.position[one["ticket_id"]]]) < 1e-5
            n_compared += 1
    assert n_compared >= 30


def assert_same(one: Answer, other: Answer) -> None:
    """Compare answers; in which order numbers are added depends on how tickets came in."""
    assert [each.ticket_id for each in one.relations] == [each.ticket_id for each in other.relations]
    for left, right in zip(one.relations, other.relations, strict=True):
        assert left.similarity == pytest.approx(right.similarity, abs=1e-5)
        assert left.probability == pytest.approx(right.probability, abs=1e-5)
        same = replace(left, similarity=right.similarity, probability=right.probability)
        assert same == right


def test_two_processes_of_one_database_agree(corpus: Corpus, judged: Judged) -> None:
    other = Corpus(corpus.bundle, corpus.database, corpus.active.place.parent.parent)
    try:
        assert other.active.place != corpus.active.place
        tickets = Tickets(judged.tickets.frame[:40])
        corpus.store(tickets)
        changed = tickets.frame[:3].with_columns(state=pl.lit("Closed"))
        other.store(Tickets(changed))
        corpus.delete(tickets.ids[5:8], "test")
        corpus.catch_up()
        other.catch_up()
        assert len(corpus.kin) == len(other.kin) == 37
        assert corpus.state.change == other.state.change
        for name in tickets.ids[20:24]:
            assert_same(corpus.kin_of(name, 10), other.kin_of(name, 10))
    finally:
        other.close()


def test_a_restart_goes_on_from_its_index_and_a_damaged_one_is_filled_again(
    corpus: Corpus, judged: Judged
) -> None:
    corpus.store(Tickets(judged.tickets.frame[:30]))
    folder = corpus.active.place.parent.parent
    corpus.close()
    again = Corpus(corpus.bundle, corpus.database, folder)
    assert again.active.place == corpus.active.place and len(again.kin) == 30 and again.state.change == 30
    again.close()
    (corpus.active.place / "index/index.json").write_text("{")
    filled = Corpus(corpus.bundle, corpus.database, folder)
    assert len(filled.kin) == 0
    filled.catch_up()
    assert len(filled.kin) == 30
    filled.close()


def test_tickets_of_another_bundles_service_are_encoded_once(corpus: Corpus, judged: Judged) -> None:
    tickets = Tickets(judged.tickets.frame[:10])
    corpus.store(tickets)
    expected = corpus.kin_of(tickets.ids[9], 5)
    with corpus.database.transaction() as connection:
        connection.execute(
            "UPDATE embeddings SET model = 'not ' || model WHERE ticket_id <> %s", tickets.ids[:1]
        )
    folder = corpus.active.place.parent.parent / "elsewhere"
    other = Corpus(corpus.bundle, corpus.database, folder)
    encoder = corpus.bundle._encoders["encoders/untouched"]
    before = encoder.n_forward_passes
    other.catch_up()
    assert encoder.n_forward_passes > before
    assert_same(other.kin_of(tickets.ids[9], 5), expected)
    other.close()
    third = Corpus(corpus.bundle, corpus.database, folder.with_name("third"))
    before = encoder.n_forward_passes
    third.catch_up()
    assert encoder.n_forward_passes == before
    assert_same(third.kin_of(tickets.ids[9], 5), expected)
    third.close()
