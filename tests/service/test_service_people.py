"""What people say of pairs, what belongs together, what was shown, and what is told of the model."""

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from service_desk import Desk

from bundle_material import Judged
from ticket_material import make_tickets
from ticketkin.core.tables import Tickets
from ticketkin.store.suggestions import newest_suggestions
from ticketkin.tickets.reviewed import read_reviewed

VPN = "VPN client drops the tunnel after standby on the train"


def vpn(number: int, **fields: str) -> dict[str, str]:
    return {"number": f"INC{number}", "title": VPN, "opened_at": f"2024-01-0{number} 10:00:00", **fields}


@pytest.fixture
def with_four(desk: Desk) -> Desk:
    tickets = [vpn(1), vpn(2), vpn(3, parent="INC2"), vpn(4, caused_by="INC1")]
    assert desk.client.post("/v1/tickets", json={"tickets": tickets}).json()["n_added"] == 4
    return desk


def said(desk: Desk, source: str, target: str, answer: str) -> dict[str, str]:
    given = {"source": source, "target": target, "answer": answer}
    stored = desk.client.post("/v1/answers", json=given)
    assert stored.status_code == 200, stored.text
    return stored.json()


def family(desk: Desk, name: str) -> dict[str, object]:
    answer = desk.client.get(f"/v1/tickets/{name}/family")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_answer_is_a_link_until_a_later_one_comes_or_it_is_taken_back(
    with_four: Desk,
) -> None:
    desk = with_four
    first = said(desk, "INC1", "INC2", "duplicate")
    assert [one["ticket_id"] for one in family(desk, "INC3")["tickets"]] == ["INC1", "INC2", "INC3", "INC4"]
    assert {one["duplicate_of"] for one in family(desk, "INC3")["tickets"]} == {"", "INC1"}
    assert desk.corpus.kin.index.links.of("INC2") == ["INC1"]
    second = said(desk, "INC2", "INC1", "none")
    assert [one["ticket_id"] for one in family(desk, "INC3")["tickets"]] == ["INC2", "INC3"]
    assert desk.corpus.kin.index.links.of("INC2") == []
    taken = desk.client.delete(f"/v1/answers/{second['answer_id']}").json()
    assert taken["counts"] == {"duplicate": 1}
    assert desk.corpus.kin.index.links.of("INC2") == ["INC1"]
    assert desk.client.delete(f"/v1/answers/{second['answer_id']}").status_code == 404
    assert desk.client.delete(f"/v1/answers/{first['answer_id']}").json()["counts"] == {}
    assert desk.client.get("/v1/answers").json()["newest"][0]["withdrawn_at"]


def test_an_answer_overrules_what_a_column_says(with_four: Desk) -> None:
    assert family(with_four, "INC3")["family"] > 0
    said(with_four, "INC3", "INC2", "none")
    alone = family(with_four, "INC3")
    assert alone["family"] == 0 and [one["title"] for one in alone["tickets"]] == [VPN]


def test_causes_have_a_direction(with_four: Desk) -> None:
    said(with_four, "INC3", "INC4", "caused-by")
    known = with_four.client.get("/v1/families").json()
    causes = {(tie["source"], tie["target"]) for one in known["families"] for tie in one["causal"]}
    assert causes == {("INC1", "INC4"), ("INC4", "INC3")}
    chain = known["families"][0]["longest_chain"]
    assert known["n_families"] == 1 and chain == ["INC1", "INC4", "INC2"], "an effect counts for its parent"
    assert with_four.client.get("/v1/families", params={"first": 2}).json()["families"] == []


def test_answers_are_read_by_a_run(with_four: Desk, tmp_path: Path) -> None:
    said(with_four, "INC1", "INC2", "duplicate")
    said(with_four, "INC2", "INC1", "related")
    said(with_four, "INC1", "INC3", "unsure")
    said(with_four, "INC3", "INC4", "caused-by")
    text = with_four.client.get("/v1/answers.csv").text
    (tmp_path / "reviewed.csv").write_text(text)
    tickets = make_tickets(4, number=["INC1", "INC2", "INC3", "INC4"])
    review = read_reviewed(tmp_path / "reviewed.csv", tickets)
    assert review.answers.rows() == [("INC2", "INC1", "related"), ("INC4", "INC3", "causal")]
    assert review.unsure == (("INC1", "INC3"),)
    assert len(list(csv.DictReader(io.StringIO(text)))) == 3


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"source": "INC1", "target": "INC9", "answer": "none"}, 404),
        ({"source": "INC1", "target": "INC1", "answer": "none"}, 422),
        ({"source": "INC1", "target": "INC2", "answer": "perhaps"}, 422),
    ],
)
def test_an_answer_about_nothing_is_refused(with_four: Desk, given: dict[str, str], status: int) -> None:
    assert with_four.client.post("/v1/answers", json=given).status_code == status
    assert with_four.client.get("/v1/answers").json() == {"counts": {}, "newest": []}


def test_what_was_shown_is_kept_and_goes_with_the_ticket(desk: Desk, judged: Judged) -> None:
    desk.corpus.store(Tickets(judged.tickets.frame[:150]))
    shown = {}
    for name in judged.tickets.ids[20:30]:
        answer = desk.client.get(f"/v1/tickets/{name}/kin", params={"k": 5}).json()
        shown |= {(name, one["ticket_id"]): one["probability"] for one in answer["relations"]}
    desk.client.post("/v1/relate", json={"text": VPN})
    desk.recorder.wait()
    with desk.corpus.database.transaction() as connection:
        kept = connection.execute(
            "SELECT ticket_id, candidate, probability FROM suggestions JOIN questions USING (question_id) "
            "WHERE ticket_id IS NOT NULL"
        ).fetchall()
        assert {(name, other): probability for name, other, probability in kept} == shown
        newest = newest_suggestions(connection, ("say", "suggest", "silent"), 3)
    assert len(newest) == 3 and (newest[0].ticket_id, newest[0].candidate) in shown
    gone = newest[0]
    desk.client.delete("/v1/tickets", params={"name": [gone.ticket_id, gone.candidate]})
    with desk.corpus.database.transaction() as connection:
        names = connection.execute(
            "SELECT ticket_id FROM questions WHERE ticket_id IS NOT NULL "
            "UNION SELECT candidate FROM suggestions"
        ).fetchall()
    assert names and not {(gone.ticket_id,), (gone.candidate,)} & set(names)
    assert set(desk.client.get("/v1/suggestions").json()) == {"suggestions"}


def test_open_tickets_of_one_fault_are_a_group_and_closed_ones_are_not(desk: Desk, judged: Judged) -> None:
    frame = judged.tickets.frame[:200].with_row_index("row")
    is_closed = pl.col("row") % 4 == 0
    frame = frame.with_columns(
        pl.lit("").alias("closed_at"),
        pl.lit("").alias("resolved_at"),
        pl.when(is_closed).then(pl.lit("Closed")).otherwise(pl.lit("New")).alias("state"),
    )
    desk.corpus.store(Tickets(frame.drop("row")))
    grown = desk.client.get("/v1/groups/open", params={"hours": 24 * 31}).json()
    assert grown["as_of"] == str(frame["opened_at"].max()) and grown["n_open"] == 150
    closed = set(frame.filter(is_closed)["ticket_id"])
    assert grown["groups"]
    for group in grown["groups"]:
        names = [ticket["ticket_id"] for ticket in group["tickets"]]
        assert len(names) > 1 and group["parent"] == names[0] and not closed & set(names)
    counts = [group["n_last_hour"] for group in grown["groups"]]
    assert counts == sorted(counts, reverse=True)


def test_an_empty_desk_has_no_groups_and_no_families(desk: Desk) -> None:
    assert desk.client.get("/v1/groups/open").json()["groups"] == []
    assert desk.client.get("/v1/families").json()["families"] == []


def test_tickets_are_found_by_number_and_words(with_four: Desk) -> None:
    def found(text: str) -> list[str]:
        answer = with_four.client.get("/v1/tickets", params={"text": text}).json()
        return [one["ticket_id"] for one in answer["tickets"]]

    assert found("") == ["INC4", "INC3", "INC2", "INC1"]
    assert found("inc3") == ["INC3"] and len(found("standby")) == 4
    assert found("%") == found("_") == found("' OR 1=1 --") == []
    assert with_four.client.get("/v1/tickets/INC3").json()["parent"] == "INC2"
    assert with_four.client.get("/v1/tickets/INC9").status_code == 404


def test_the_model_is_reported_with_what_was_proven(desk: Desk) -> None:
    model = desk.client.get("/v1/model").json()
    assert model["bundle"] == desk.corpus.bundle.id and model["is_synthetic"]
    assert model["verdict"] and model["embeddings"]


def test_metrics_name_doors_and_no_tickets(with_four: Desk) -> None:
    with_four.client.get("/v1/tickets/INC3/kin")
    with_four.client.get("/v1/tickets/INC999/kin")
    with_four.client.get("/nowhere/INC3")
    text = with_four.client.get("/metrics").text
    counted = 'ticketkin_requests_total{method="GET",path="/v1/tickets/{name}/kin",status="%s"} 1.0'
    assert counted % 200 in text and counted % 404 in text
    assert "ticketkin_tickets 4.0" in text
    assert "INC3" not in text


def test_the_audit_counts_and_names_no_ticket(with_four: Desk) -> None:
    said(with_four, "INC1", "INC2", "duplicate")
    with_four.client.delete("/v1/tickets/INC4")
    audit = with_four.client.get("/v1/audit")
    actions = [(one["action"], one["counts"]) for one in audit.json()["entries"]]
    assert actions == [
        ("deleted tickets", {"tickets": 1}),
        ("answered duplicate", {"pairs": 1}),
        ("stored tickets", {"new": 4, "changed": 0}),
    ]
    assert "INC" not in audit.text
    with (
        pytest.raises(Exception, match="only ever added to"),
        with_four.corpus.database.transaction() as connection,
    ):
        connection.execute("DELETE FROM audit")
