"""Ask, as HTML: what stands on the page for tickets of every sort, hostile ones among them."""

import re
from collections.abc import Iterator

import pytest
from page_checks import HTML, assert_inert
from service_desk import Desk, new_corpus, running

from bundle_material import Judged
from ticketkin.core.tables import Tickets
from ticketkin.service.corpus import Corpus
from ticketkin.serving.bundle import Bundle
from ticketkin.store.embedded import EmbeddedServer

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)> {{ 7*7 }} " onfocus="alert(2)'


@pytest.fixture(scope="module")
def filled(
    opened_bundle: Bundle, postgres: EmbeddedServer, judged: Judged, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Corpus]:
    """A corpus of the run's first tickets."""
    with new_corpus(opened_bundle, postgres, tmp_path_factory.mktemp("ask")) as corpus:
        corpus.store(Tickets(judged.tickets.frame[:200]))
        yield corpus


@pytest.fixture(scope="module")
def page(filled: Corpus) -> Iterator[Desk]:
    with running(filled) as desk:
        yield desk


def test_the_first_page_asks(page: Desk) -> None:
    answer = page.client.get("/", headers=HTML)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    assert "What is this ticket?" in answer.text and "200 stored tickets" in answer.text
    assert_inert(answer.text)


def test_a_stored_ticket_is_answered_as_the_interface_does(page: Desk, judged: Judged) -> None:
    name = judged.tickets.ids[150]
    relations = page.client.get(f"/v1/tickets/{name}/kin").json()["relations"]
    for answer in (
        page.client.get("/ask", params={"ticket": name}, headers=HTML),
        page.client.post("/ask", data={"text": f" {name}\n"}, headers=HTML),
    ):
        assert answer.status_code == 200
        named = re.findall(r'<h3><a href="/ask\?ticket=[^"]*">([^<]*)</a>', answer.text)
        assert sorted(named) == sorted(one["ticket_id"] for one in relations)
        stated = [one["ticket_id"] for one in relations if one["band"] in ("say", "suggest")]
        assert named[: len(stated)] == stated
        assert ("Nothing known" in answer.text) == (not stated)


def test_what_is_shared_is_marked_and_what_differs_is_named(page: Desk) -> None:
    page.corpus.store(_ticket("INC7", "Kaffeemaschine zeigt Fehler E17", "Pumpe ist laut", service="Kitchen"))
    asked = {"text": "Kaffeemaschine streikt\nwieder E17", "service": "Office"}
    answer = page.client.post("/ask", data=asked, headers=HTML).text
    card = answer.partition(">INC7</a>")[2].partition("</article>")[0]
    assert "<mark>Kaffeemaschine</mark> zeigt Fehler <mark>E17</mark>" in card
    assert "service: <b>Office</b> here, <b>Kitchen</b> there" in card
    assert "only here: " in card and "streikt" in card.partition("only here: ")[2].partition("</li>")[0]
    page.corpus.delete(["INC7"], "test")


def test_what_a_person_types_is_shown_masked(page: Desk) -> None:
    answer = page.client.post("/ask", data={"text": "Mail\nWrite to jane.doe@example.com"}, headers=HTML).text
    read = answer.partition('id="answer"')[2]
    assert "jane.doe" not in read and "[EMAIL]" in read and "masked: 1 e-mail address" in read


def test_a_hostile_ticket_is_text_and_nothing_else(page: Desk) -> None:
    name = f"EVIL-1 {HOSTILE}"
    page.corpus.store(_ticket(name, f"Gate {HOSTILE}", f"Badge {HOSTILE}", service=HOSTILE, state="Closed"))
    for answer in (
        page.client.post("/ask", data={"text": f"Gate badge {HOSTILE}", "service": HOSTILE}, headers=HTML),
        page.client.get("/ask", params={"ticket": name}, headers=HTML),
        page.client.get("/ask", params={"ticket": HOSTILE}, headers=HTML),
    ):
        assert "&lt;script&gt;alert(" in answer.text
        assert_inert(answer.text)
    page.corpus.delete([name], "test")


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        ({"text": "INC99999999"}, 404, "No ticket &#39;INC99999999&#39; is stored"),
        ({"text": "  "}, 422, "has no text"),
        ({}, 422, "has no text"),
        ({"text": "x", "colour": "red"}, 422, "colour"),
        ({"text": "x" * 100_001}, 413, "more than 100,000 bytes"),
    ],
)
def test_a_refusal_is_a_page_that_says_what_to_do(page: Desk, data: dict, status: int, words: str) -> None:
    answer = page.client.post("/ask", data=data, headers=HTML)
    assert answer.status_code == status and words in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert_inert(answer.text)


def test_programs_still_get_problem_documents(page: Desk) -> None:
    answer = page.client.get("/ask", params={"ticket": "INC0"}, headers={"accept": "application/json"})
    assert answer.status_code == 404 and answer.headers["content-type"] == "application/problem+json"


def test_static_files_are_the_services_own(page: Desk) -> None:
    for name, kind in (
        ("page.css", "text/css"),
        ("page.js", "text/javascript"),
        ("htmx/htmx.min.js", "text/javascript"),
        ("icon.svg", "image/svg+xml"),
    ):
        answer = page.client.get(f"/static/{name}")
        assert answer.status_code == 200 and answer.headers["content-type"].startswith(kind)
        assert not re.search(r"https?://(?!www\.w3\.org)", answer.text) or name.startswith("htmx")
    assert page.client.get("/static/../app.py").status_code == 404


def test_where_everybody_signs_in_the_page_asks_for_the_key(filled: Corpus) -> None:
    from ticketkin.store.keys import Role, create_key

    with filled.database.transaction() as connection:
        _, key = create_key(connection, "Service desk", Role.AGENT, None)
    with running(filled, signs_in=True) as desk:
        refused = desk.client.get("/ask", params={"ticket": "A&B"}, headers=HTML)
        assert refused.status_code == 401 and 'value="/ask?ticket=A%26B"' in refused.text
        assert 'href="/ask' not in refused.text.partition("<main")[2]
        wrong = desk.client.post("/sign-in", data={"key": "wrong", "next": "/"}, headers=HTML)
        assert wrong.status_code == 401 and "unknown, expired or revoked" in wrong.text
        for wanted, reached in (("/ask", "/ask"), ("//elsewhere.example", "/"), ("https://x.example", "/")):
            entered = desk.client.post(
                "/sign-in", data={"key": key, "next": wanted}, headers=HTML, follow_redirects=False
            )
            assert entered.status_code == 303 and entered.headers["location"] == reached
        first = desk.client.get("/", headers=HTML).text
        assert "Service desk" in first and "/review" not in first
        refused = desk.client.get("/review", headers=HTML)
        assert refused.status_code == 403 and "needs the role reviewer" in refused.text
        desk.client.post("/sign-out", headers=HTML)
        assert desk.client.get("/", headers=HTML).status_code == 401


def _ticket(name: str, title: str, description: str, **fields: str) -> Tickets:
    from ticket_material import make_tickets

    filled = {name: [value] for name, value in fields.items()}
    return make_tickets(
        1, ["2024-01-02 10:00:00"], number=[name], title=[title], description=[description], **filled
    )
