"""Who is let in, and what each role may do."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from service_desk import Desk, running

from ticketkin.core.errors import InputError
from ticketkin.service.corpus import Corpus
from ticketkin.service.limits import RateLimit
from ticketkin.service.refusals import TooManyRequestsError
from ticketkin.store.keys import Role, create_key, revoke_key

DOORS = [
    ("GET", "/v1/model", None, Role.AGENT),
    ("GET", "/metrics", None, Role.AGENT),
    ("POST", "/v1/relate", {"ticket": "INC0"}, Role.AGENT),
    ("GET", "/v1/tickets", None, Role.AGENT),
    ("POST", "/v1/answers", {"source": "A", "target": "B", "answer": "none"}, Role.REVIEWER),
    ("GET", "/v1/answers.csv", None, Role.REVIEWER),
    ("POST", "/v1/tickets", {"tickets": [{"number": "1", "title": "x"}]}, Role.ADMINISTRATOR),
    ("DELETE", "/v1/tickets/INC0", None, Role.ADMINISTRATOR),
    ("GET", "/v1/audit", None, Role.ADMINISTRATOR),
]


@pytest.fixture
def guarded(corpus: Corpus) -> Iterator[Desk]:
    with running(corpus, signs_in=True) as desk:
        yield desk


def key_of(corpus: Corpus, role: Role, lasts: timedelta | None = None) -> tuple[str, str]:
    with corpus.database.transaction() as connection:
        return create_key(connection, f"the {role}", role, lasts)


def bearing(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def test_each_role_passes_its_doors_and_no_others(guarded: Desk) -> None:
    keys = {role: key_of(guarded.corpus, role)[1] for role in Role}
    for method, path, body, needed in DOORS:
        for role, key in keys.items():
            answer = guarded.client.request(method, path, json=body, headers=bearing(key))
            assert (answer.status_code == 403) == (not role.may(needed)), (path, role, answer.text)
            assert answer.status_code != 401


def test_without_a_key_only_health_is_reported(guarded: Desk) -> None:
    for method, path, body, _ in DOORS:
        answer = guarded.client.request(method, path, json=body)
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["detail"].startswith("Nobody is signed in")
    assert guarded.client.get("/livez").status_code == 200


@pytest.mark.parametrize("key", ["kin_wrong", "", "x" * 5_000, "' OR 1=1 --"])
def test_a_wrong_key_opens_nothing(guarded: Desk, key: str) -> None:
    assert guarded.client.get("/v1/model", headers=bearing(key)).status_code == 401
    assert guarded.client.post("/v1/session", json={"key": key}).status_code in (401, 422)


def test_an_expired_and_a_revoked_key_open_nothing(guarded: Desk) -> None:
    _, expired = key_of(guarded.corpus, Role.AGENT, timedelta(seconds=-1))
    key_id, revoked = key_of(guarded.corpus, Role.AGENT)
    with guarded.corpus.database.transaction() as connection:
        assert revoke_key(connection, key_id) and not revoke_key(connection, key_id)
    for key in (expired, revoked):
        assert guarded.client.get("/v1/model", headers=bearing(key)).status_code == 401


def test_the_database_holds_no_key(guarded: Desk) -> None:
    _, key = key_of(guarded.corpus, Role.AGENT)
    with guarded.corpus.database.transaction() as connection:
        rows = connection.execute("SELECT * FROM api_keys").fetchall()
    assert key not in repr(rows) and key.encode() not in bytes(rows[0][1])


def test_a_browser_signs_in_and_out(guarded: Desk) -> None:
    key_id, key = key_of(guarded.corpus, Role.REVIEWER)
    signed = guarded.client.post("/v1/session", json={"key": key})
    assert signed.json() == {"name": "the reviewer", "role": "reviewer"}
    cookie = signed.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and key.lower() not in cookie
    assert guarded.client.get("/v1/session").json()["name"] == "the reviewer"
    stolen = dict(guarded.client.cookies)
    assert guarded.client.delete("/v1/session").status_code == 200
    guarded.client.cookies.update(stolen)
    assert guarded.client.get("/v1/session").status_code == 401
    guarded.client.cookies.clear()
    again = guarded.client.post("/v1/session", json={"key": key})
    assert again.status_code == 200
    with guarded.corpus.database.transaction() as connection:
        revoke_key(connection, key_id)
    guarded.identities.forget()  # what a process knew for ten seconds
    assert guarded.client.get("/v1/session").status_code == 401


def test_a_sender_who_asks_too_often_waits() -> None:
    now = [0.0]
    limit = RateLimit(60, lambda: now[0])
    for _ in range(6):
        limit.take("one")
    limit.take("another")
    with pytest.raises(TooManyRequestsError) as raised:
        limit.take("one")
    assert raised.value.headers["Retry-After"] == "1" and isinstance(raised.value, InputError)
    now[0] = 2.0
    limit.take("one")
    limit.take("one")
    with pytest.raises(TooManyRequestsError):
        limit.take("one")


def test_a_refused_sender_is_advised_when_to_come_back(corpus: Corpus) -> None:
    with running(corpus, most_requests_a_minute=20) as desk:
        answers = [desk.client.get("/v1/model") for _ in range(4)]
    assert [one.status_code for one in answers[:2]] == [200, 200]
    assert answers[-1].status_code == 429 and int(answers[-1].headers["retry-after"]) >= 1
