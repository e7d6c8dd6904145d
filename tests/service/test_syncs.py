"""Programs that send tickets and go on where they stopped."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from service_desk import Desk

from ticketkin.store.database import Transaction
from ticketkin.store.sync_ledger import SyncBatch, note_sync, sync_states

SOURCE = "servicenow-incidents"


def ticket(number: int) -> dict[str, str]:
    return {"number": f"INC{number}", "title": f"Badge reader {number} at the gate is dead"}


def send(desk: Desk, numbers: range, cursor: str, after: str | None) -> int:
    sync = {"source": SOURCE, "cursor": cursor, "after": after}
    return desk.client.post(
        "/v1/tickets", json={"tickets": [ticket(n) for n in numbers], "sync": sync}
    ).status_code


def state(desk: Desk) -> dict[str, object]:
    [one] = desk.client.get("/v1/syncs").json()["syncs"]
    return one


def test_a_source_goes_on_where_it_stopped(desk: Desk) -> None:
    assert desk.client.get("/v1/syncs").json() == {"syncs": []}
    assert send(desk, range(3), "2026-11-25 10:00:00", "") == 200
    asked = state(desk)
    assert (asked["source"], asked["cursor"], asked["n_tickets"]) == (SOURCE, "2026-11-25 10:00:00", 3)
    assert send(desk, range(2, 5), "2026-11-25 11:00:00", "2026-11-25 10:00:00") == 200
    # Its answer was lost, so it comes once more.
    assert send(desk, range(2, 5), "2026-11-25 11:00:00", "2026-11-25 10:00:00") == 200
    asked = state(desk)
    assert (asked["n_batches"], asked["n_tickets"], asked["n_changed"]) == (2, 6, 5)
    # Nothing new, and the source has been read further.
    assert send(desk, range(1), "2026-11-25 12:00:00", "2026-11-25 11:00:00") == 200
    assert state(desk)["cursor"] == "2026-11-25 12:00:00" and state(desk)["n_changed"] == 5


def test_a_batch_that_goes_on_from_elsewhere_is_stored_not_at_all(desk: Desk) -> None:
    assert send(desk, range(2), "b", "a") == 409
    assert desk.client.get("/v1/tickets/INC0").status_code == 404
    assert send(desk, range(2), "b", "") == 200
    assert send(desk, range(5, 7), "d", "c") == 409
    assert desk.client.get("/v1/tickets/INC5").status_code == 404 and state(desk)["cursor"] == "b"
    assert send(desk, range(5, 7), "a", None) == 200, "who says nothing of it moves the cursor in any case"
    assert state(desk)["cursor"] == "a"


def test_of_two_programs_for_one_source_one_is_refused(desk: Desk) -> None:
    assert send(desk, range(1), "1", "") == 200
    with ThreadPoolExecutor(2) as pool:
        statuses = list(pool.map(lambda one: send(desk, range(one, one + 1), str(one), "1"), (2, 3)))
    assert sorted(statuses) == [200, 409]
    assert state(desk)["n_batches"] == 2


def test_a_batch_of_which_nothing_can_be_used_moves_the_cursor(desk: Desk) -> None:
    sync = {"source": SOURCE, "cursor": "7", "after": ""}
    answer = desk.client.post("/v1/tickets", json={"tickets": [{"number": "INC1"}], "sync": sync})
    assert answer.status_code == 200 and len(answer.json()["rejected"]) == 1
    assert state(desk)["n_rejected"] == 1 and state(desk)["cursor"] == "7"


def test_a_source_is_forgotten_and_its_tickets_stay(desk: Desk) -> None:
    send(desk, range(2), "9", "")
    assert desk.client.delete("/v1/syncs", params={"source": "jira"}).status_code == 404
    assert desk.client.delete("/v1/syncs", params={"source": SOURCE}).json() == {"syncs": []}
    assert desk.client.get("/v1/tickets/INC1").status_code == 200
    assert send(desk, range(2), "9", "") == 200


def test_trust_says_what_was_sent_last(desk: Desk) -> None:
    assert "No program has said" in desk.client.get("/trust").text
    send(desk, range(2), "<b>2026-11-25</b>", "")
    page = desk.client.get("/trust").text
    assert SOURCE in page and "2 tickets" in page and "<b>2026" not in page


@pytest.mark.parametrize("wrong", [{"source": ""}, {"cursor": ""}, {"source": "x" * 201}, {"since": "now"}])
def test_a_sync_that_says_too_little_or_too_much_is_refused(desk: Desk, wrong: dict[str, str]) -> None:
    sync = {"source": SOURCE, "cursor": "1", **wrong}
    answer = desk.client.post("/v1/tickets", json={"tickets": [ticket(1)], "sync": sync})
    assert answer.status_code == 422 and desk.client.get("/v1/syncs").json() == {"syncs": []}


def test_the_ledger_goes_with_its_transaction(desk: Desk) -> None:
    def fail(connection: Transaction) -> None:
        note_sync(connection, SyncBatch("jira", "1", None, 5, 0), 5)
        raise RuntimeError("the machine went off")

    with pytest.raises(RuntimeError), desk.corpus.database.transaction() as connection:
        fail(connection)
    with desk.corpus.database.transaction() as connection:
        assert sync_states(connection) == []
