"""Proposals to the ticket system: made once, from an answer, decided by a person, never of what is closed."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from page_checks import HTML, assert_inert
from service_desk import Desk, new_corpus, running

from ticket_material import make_tickets
from ticketkin.serving.bundle import Bundle
from ticketkin.store.audit import newest_audit
from ticketkin.store.embedded import EmbeddedServer
from ticketkin.store.erasing import ERASED, erase_user

OPENED = [f"2024-01-05 1{hour}:00:00" for hour in range(7)]


@pytest.fixture(scope="module")
def proposing(
    opened_bundle: Bundle, postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    with new_corpus(opened_bundle, postgres, tmp_path_factory.mktemp("proposing")) as corpus:
        corpus.store(
            make_tickets(
                7,
                OPENED,
                number=["INC1", "INC2", "INC3", "SOLVED", "UNDER", "INC6", "EVIL<b>7"],
                title=[
                    "Mail gateway is down",
                    "Outlook sends nothing since noon",
                    "No mail arrives from outside",
                    "Badge reader at the gate is dead",
                    "Printer on floor three jams",
                    "Laptop battery drains at once",
                    "Nobody can send messages to customers",
                ],
                state=["New", "New", "New", "Closed", "New", "New", "New"],
                duplicate_of=["", "", "", "", "INC1", "", ""],
                parent=[""] * 7,
            )
        )
        with running(corpus) as desk:
            yield desk


@pytest.fixture(autouse=True)
def without_proposals(proposing: Desk) -> None:
    with proposing.corpus.database.transaction() as connection:
        connection.execute("DELETE FROM proposals")
        connection.execute("DELETE FROM answers")


def answered(desk: Desk, one: str, other: str, answer: str = "duplicate") -> dict[str, object]:
    given = desk.client.post("/v1/answers", json={"source": one, "target": other, "answer": answer})
    assert given.status_code == 200, given.text
    return given.json()


def proposed(desk: Desk, duplicate: str, parent: str, status: int = 200, **more: str) -> dict[str, object]:
    body = {"duplicate": duplicate, "parent": parent, **more}
    answer = desk.client.post("/v1/proposals", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def moved(desk: Desk, proposal: dict[str, object], step: str, status: int = 200) -> dict[str, object]:
    answer = desk.client.post(f"/v1/proposals/{proposal['proposal_id']}/{step}")
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_proposal_goes_from_an_answer_to_the_ticket_system_once(proposing: Desk) -> None:
    assert "answer that first" in proposed(proposing, "INC2", "INC1", 422)["detail"]
    answered(proposing, "INC2", "INC1")
    first = proposed(proposing, "INC2", "INC1", key="june-1")
    assert first["state"] == "proposed" and first["decided_by"] is None
    assert proposed(proposing, "INC2", "INC1", key="june-1") == proposed(proposing, "INC2", "INC1") == first
    moved(proposing, first, "sent", 409)
    accepted = moved(proposing, first, "accept")
    assert accepted["state"] == "accepted" and accepted["decided_by"] == "this machine"
    assert moved(proposing, first, "accept") == accepted
    outbox = proposing.client.get("/v1/proposals", params={"state": "accepted"}).json()["proposals"]
    assert outbox == [accepted]
    sent = moved(proposing, first, "sent")
    assert sent["state"] == "sent" and moved(proposing, first, "sent") == sent
    moved(proposing, first, "decline", 409)
    with proposing.corpus.database.transaction() as connection:
        actions = [entry.action for entry in newest_audit(connection, 3)]
    assert actions == ["sent a proposal", "accepted a proposal", "proposed a duplicate"]
    assert proposing.client.post(f"/v1/proposals/{uuid4()}/accept").status_code == 404


def test_nothing_is_proposed_of_what_is_closed_or_under_what_is_a_duplicate(proposing: Desk) -> None:
    for duplicate, parent, reason in (
        ("INC2", "SOLVED", "SOLVED is closed"),
        ("SOLVED", "INC2", "SOLVED is closed"),
        ("INC2", "UNDER", "UNDER lies under another ticket itself"),
        ("INC2", "INC2", "are one ticket"),
    ):
        if duplicate != parent:
            answered(proposing, duplicate, parent)
        assert reason in proposed(proposing, duplicate, parent, 422)["detail"]
    assert proposing.client.get("/v1/proposals").json() == {"proposals": []}


def test_proposals_make_no_chain(proposing: Desk) -> None:
    answered(proposing, "INC2", "INC1")
    answered(proposing, "INC3", "INC2")
    answered(proposing, "INC1", "INC6")
    proposed(proposing, "INC2", "INC1")
    assert "INC2 is itself proposed" in proposed(proposing, "INC3", "INC2", 422)["detail"]
    assert "INC2 is proposed under INC1" in proposed(proposing, "INC1", "INC6", 422)["detail"]
    answered(proposing, "INC2", "INC6")
    assert "already proposed under INC1" in proposed(proposing, "INC2", "INC6", 409)["detail"]


def test_what_changed_since_is_looked_at_again_before_it_is_accepted(proposing: Desk) -> None:
    said = answered(proposing, "INC2", "INC1")
    first = proposed(proposing, "INC2", "INC1")
    assert proposing.client.delete(f"/v1/answers/{said['answer_id']}").status_code == 200
    assert "can't be accepted any more" in moved(proposing, first, "accept", 409)["detail"]
    assert moved(proposing, first, "decline")["state"] == "declined"
    answered(proposing, "INC2", "INC1")
    again = proposed(proposing, "INC2", "INC1")
    assert again["proposal_id"] != first["proposal_id"]


def test_a_person_proposes_and_decides_on_the_page(proposing: Desk) -> None:
    client, evil = proposing.client, "EVIL<b>7"
    assert "Nothing waits for a decision" in client.get("/proposals", headers=HTML).text
    shown = client.post(
        "/review", data={"ticket": evil, "candidate": "INC1", "choice": "duplicate"}, headers=HTML
    ).text
    assert "Propose to close EVIL&lt;b&gt;7 under INC1" in shown
    listed = client.post("/proposals", data={"duplicate": evil, "parent": "INC1"}, headers=HTML)
    assert_inert(listed.text)
    assert listed.status_code == 200 and "EVIL&lt;b&gt;7" in listed.text
    assert "INC1: Mail gateway is down" in listed.text
    assert "EVIL&lt;b&gt;7: Nobody can send messages to customers" in listed.text
    (one,) = client.get("/v1/proposals").json()["proposals"]
    after = client.post(f"/proposals/{one['proposal_id']}", data={"choice": "accept"}, headers=HTML).text
    assert "Accepted, not yet sent" in after and "Nothing waits" in after
    with proposing.corpus.database.transaction() as connection:
        assert erase_user(connection, "this machine")["names on proposals"] == 2
    (one,) = client.get("/v1/proposals").json()["proposals"]
    assert one["proposed_by"] == one["decided_by"] == ERASED
