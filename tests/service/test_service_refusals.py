"""What the service refuses, and how it says so."""

import json

import pytest
from service_desk import Desk

from ticketkin.core.errors import InputError, StoreUnavailableError
from ticketkin.service.running import ServeRequest, serve
from ticketkin.service.settings import ServiceSettings
from ticketkin.store.database import Database

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("/v1/tickets", {"tickets": []}, 422, "at least 1 item"),
        ("/v1/tickets", {"tickets": [{"title": "no name"}]}, 422, "no ticket_id, number or sys_id"),
        ("/v1/tickets", {"tickets": [{"number": " ", "title": "x"}]}, 422, "no ticket_id, number or sys_id"),
        ("/v1/tickets", {"tickets": [{"number": "1", "colour": "red"}]}, 422, "colour"),
        ("/v1/tickets", {"tickets": [{"number": "1", "title": 5}]}, 422, "title"),
        ("/v1/tickets", {"tickets": [{"number": "1"}]}, 422, "title or description"),
        ("/v1/tickets", {"tickets": [{"number": str(n)} for n in range(21)]}, 413, "20 are allowed"),
        ("/v1/relate", {}, 422, "give either text"),
        ("/v1/relate", {"text": "x", "ticket": "INC1"}, 422, "give either text"),
        ("/v1/relate", {"ticket": "INC1", "as_of": "2024-01-01"}, 422, "leave them out"),
        ("/v1/relate", {"text": "  \n "}, 422, "no text"),
        ("/v1/relate", {"text": "x", "k": 0}, 422, "greater than or equal to 1"),
        ("/v1/relate", {"text": "x", "k": 101}, 422, "at most 100"),
        ("/v1/relate", {"text": "x", "fields": {"close_notes": "y"}}, 422, "close_notes"),
        ("/v1/relate", {"text": "x", "as_of": "yesterday"}, 422, "can't be read as a time"),
        ("/v1/relate", {"ticket": "INC0"}, 404, "No ticket 'INC0' is stored"),
        ("/v1/nowhere", {}, 404, "Not Found"),
        ("/livez", {}, 405, "Method Not Allowed"),
    ],
)  # fmt: skip
def test_a_refusal_is_a_problem_that_says_what_to_do(
    shared_desk: Desk, path: str, body: object, status: int, told: str
) -> None:
    answer = shared_desk.client.post(path, json=body)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert answer.status_code == problem["status"] == status
    assert told in " ".join([problem["detail"], *problem["faults"]])


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b"[" * 50_000, b'{"text": "\\ud800"}', b'{"text": "x", "k": 1e999}', b"null"]
)
def test_a_malformed_body_is_no_fault_of_the_service(shared_desk: Desk, body: bytes) -> None:
    answer = shared_desk.client.post("/v1/relate", content=body, headers=JSON)
    assert answer.status_code in (400, 422) and answer.json()["detail"]


def test_a_body_is_read_no_further_than_allowed(shared_desk: Desk) -> None:
    large = json.dumps({"text": "x" * 100_001}).encode()
    chunks = (large[start : start + 1_000] for start in range(0, len(large), 1_000))
    for content in (large, chunks):
        answer = shared_desk.client.post("/v1/relate", content=content, headers=JSON)
        assert answer.status_code == 413 and "100,000 bytes" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://elsewhere.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:9"}, 403),
        ({"host": "rebound.example"}, 403),
        ({"origin": "http://127.0.0.1", "sec-fetch-site": "same-origin"}, 404),
        ({}, 404),
        ({"host": "localhost:8477"}, 404),
        ({"host": "[::1]:8477"}, 404),
    ],
)
def test_only_the_services_own_pages_may_ask(shared_desk: Desk, headers: dict[str, str], status: int) -> None:
    assert (
        shared_desk.client.post("/v1/relate", json={"ticket": "INC0"}, headers=headers).status_code == status
    )


def test_every_answer_tells_browsers_to_be_careful(shared_desk: Desk) -> None:
    for answer in (
        shared_desk.client.get("/livez"),
        shared_desk.client.get("/nowhere"),
        shared_desk.client.get("/openapi.json"),
    ):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_the_interface_is_described_without_another_site(shared_desk: Desk) -> None:
    description = shared_desk.client.get("/openapi.json")
    assert {"/v1/tickets", "/v1/relate", "/v1/tickets/{name}/kin", "/readyz"} <= description.json()[
        "paths"
    ].keys()
    assert "http://" not in description.text and "https://" not in description.text
    assert shared_desk.client.get("/docs").status_code == 404


def test_a_store_that_goes_away_is_reported_and_comes_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(self: Database) -> object:
        raise StoreUnavailableError("The database can't be reached")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "_connected", lost)
        answer = desk.client.post("/v1/tickets", json={"tickets": [{"number": "1", "title": "Printer"}]})
        assert answer.status_code == 503 and "retry-after" in answer.headers
    answer = desk.client.post("/v1/tickets", json={"tickets": [{"number": "1", "title": "Printer"}]})
    assert answer.json()["n_added"] == 1


def test_readiness_says_what_answers(shared_desk: Desk) -> None:
    ready = shared_desk.client.get("/readyz")
    assert ready.status_code == 200 and ready.json()["bundle"] == shared_desk.corpus.bundle.id
    assert shared_desk.client.get("/livez").json() == {"status": "alive"}


def test_a_process_that_lost_sight_of_the_database_is_not_ready(desk: Desk) -> None:
    desk.corpus.active._as_new_at -= 60
    desk.corpus._stopping.set()
    ready = desk.client.get("/readyz")
    assert ready.status_code == 503 and not ready.json()["is_ready"]


def test_an_address_that_others_reach_needs_sign_in(tmp_path: object) -> None:
    for host in ("0.0.0.0", "192.168.1.5", "shared_desk.example"):
        request = ServeRequest(tmp_path, settings=ServiceSettings(host=host))
        with pytest.raises(InputError, match="without sign-in only 127"):
            serve(request)
