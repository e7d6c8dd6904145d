"""Review: answers are kept as links, the score stays hidden until then, and any number is taken back."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from page_checks import HTML, assert_inert
from service_desk import Desk, new_corpus, running

from bundle_material import Judged
from ticketkin.core.tables import Tickets
from ticketkin.serving.bundle import Bundle
from ticketkin.store.answers import put_answer
from ticketkin.store.embedded import EmbeddedServer


@pytest.fixture(scope="module")
def page(
    opened_bundle: Bundle, postgres: EmbeddedServer, judged: Judged, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    with new_corpus(opened_bundle, postgres, tmp_path_factory.mktemp("review")) as corpus:
        corpus.store(Tickets(judged.tickets.frame[:80]))
        with running(corpus) as desk:
            yield desk


def read(page: Desk, path: str, **params: str) -> str:
    answer = page.client.get(path, params=params, headers=HTML)
    assert answer.status_code == 200, answer.text
    assert_inert(answer.text)
    return answer.text


def candidates(html: str) -> list[str]:
    return [unescape(name) for name in re.findall(r'name="candidate" value="([^"]*)"', html)]


def standing(page: Desk) -> dict[frozenset[str], str]:
    """Return what is said of each pair now."""
    rows = page.client.get("/v1/answers.csv").text.splitlines()[1:]
    return {frozenset(row.split(",")[:2]): row.split(",")[2] for row in rows}


def test_the_next_ticket_is_one_that_nobody_answered_about(page: Desk) -> None:
    sent = page.client.get("/review", headers=HTML, follow_redirects=False)
    assert sent.status_code == 303 and sent.headers["location"].startswith("/review?ticket=")


def test_a_question_is_asked_first_and_stays_first_after_its_answer(page: Desk, judged: Judged) -> None:
    for name in judged.tickets.ids[40:80]:
        assert page.client.get(f"/v1/tickets/{name}/kin").status_code == 200
    page.recorder.wait()
    asked = set()
    for _ in range(12):
        sent = page.client.get("/review", headers=HTML, follow_redirects=False)
        query = parse_qs(urlsplit(sent.headers["location"]).query)
        ticket, about = query["ticket"][0], query["about"][0]
        assert frozenset((ticket, about)) not in asked
        asked.add(frozenset((ticket, about)))
        html = read(page, "/review", ticket=ticket, about=about)
        assert candidates(html)[0] == about
        data = {"ticket": ticket, "candidate": about, "choice": "none", "about": about}
        after = page.client.post("/review", data=data, headers=HTML).text
        assert candidates(after) == candidates(html)
        assert "You answered" in after.partition('id="pair-2"')[0]
    with page.corpus.database.transaction() as connection:
        shares = dict(
            connection.execute("SELECT share, count(*) FROM review_draws GROUP BY share").fetchall()
        )
    assert shares["random"] >= 2 and shares["border"] >= 5
    assert "statements drawn at random tell" in after
    assert "more such answers tell it within five in a hundred" in after
    assert 'href="/v1/answers.csv"' in after


def test_what_the_model_thinks_is_hidden_until_a_person_answered(page: Desk, judged: Judged) -> None:
    name = judged.tickets.ids[70]
    html = read(page, "/review", ticket=name)
    assert "The model" not in html.partition("<article")[2]
    assert "%" not in html.partition("<article")[2] and "worth a look" not in html
    shown = candidates(html)
    by_model = [
        one["ticket_id"] for one in page.client.get(f"/v1/tickets/{name}/kin?k=8").json()["relations"]
    ]
    assert sorted(shown) == sorted(by_model) and shown != by_model
    data = {"ticket": name, "candidate": shown[0], "choice": "none"}
    html = page.client.post("/review", data=data, headers=HTML).text
    assert "You answered: <b>No kin</b>" in html and html.count("data-answered") == 1
    assert candidates(html) == shown


@pytest.mark.parametrize(
    ("choice", "kind", "is_cause"),
    [("duplicate", "duplicate", None), ("related", "related", None), ("cause", "causal", True),
     ("effect", "causal", False), ("none", "none", None), ("unsure", "unsure", None)],
)  # fmt: skip
def test_every_answer_is_kept_and_taken_back(
    page: Desk, judged: Judged, choice: str, kind: str, is_cause: bool | None
) -> None:
    name = judged.tickets.ids[60]
    before = standing(page)
    shown = candidates(read(page, "/review", ticket=name))
    for candidate in shown[:2]:
        data = {"ticket": name, "candidate": candidate, "choice": choice}
        assert page.client.post("/review", data=data, headers=HTML).status_code == 200
    assert {standing(page)[frozenset((name, one))] for one in shown[:2]} == {kind}
    if is_cause is not None:
        newest = page.client.get("/v1/answers").json()["newest"][0]
        assert newest["source"] == (shown[1] if is_cause else name)
    for _ in range(2):
        assert page.client.post("/review/undo", data={"ticket": name}, headers=HTML).status_code == 200
    assert standing(page) == before


@pytest.mark.parametrize("choice", ["duplicate", "cause", "effect"])
def test_what_is_taken_back_from_elsewhere_is_shown_again_with_its_pair_first(
    page: Desk, judged: Judged, choice: str
) -> None:
    name, elsewhere = judged.tickets.ids[62], judged.tickets.ids[50]
    opened = read(page, "/review", ticket=name)
    shown, n_answered = candidates(opened), opened.count("data-answered")
    page.recorder.wait()
    data = {"ticket": name, "candidate": shown[2], "choice": choice}
    assert page.client.post("/review", data=data, headers=HTML).status_code == 200
    html = page.client.post("/review/undo", data={"ticket": elsewhere}, headers=HTML).text
    assert f"What are these to {name}?" in html and candidates(html)[0] == shown[2]
    assert html.count("data-answered") == n_answered, "other answers of other tickets stand as they did"


def test_taking_back_leaves_the_pairs_where_they_stand(page: Desk, judged: Judged) -> None:
    name = judged.tickets.ids[64]
    about = candidates(read(page, "/review", ticket=name))[3]
    shown = candidates(read(page, "/review", ticket=name, about=about))
    data = {"ticket": name, "candidate": shown[1], "choice": "none", "about": about}
    assert page.client.post("/review", data=data, headers=HTML).status_code == 200
    html = page.client.post("/review/undo", data={"ticket": name, "about": about}, headers=HTML).text
    assert candidates(html) == shown and f'name="about" value="{about}"' in html


def test_what_another_person_answered_is_not_shown(page: Desk, judged: Judged) -> None:
    name = judged.tickets.ids[55]
    candidate = candidates(read(page, "/review", ticket=name))[0]
    with page.corpus.database.transaction() as connection:
        put_answer(connection, candidate, name, "related", "kim")
    assert "data-answered" not in read(page, "/review", ticket=name)
    data = {"ticket": name, "candidate": candidate, "choice": "none"}
    html = page.client.post("/review", data=data, headers=HTML).text
    assert "You answered: <b>No kin</b>" in html


def test_what_can_be_no_answer_is_refused(page: Desk, judged: Judged) -> None:
    name = judged.tickets.ids[60]
    for data in (
        {"ticket": name, "candidate": name, "choice": "duplicate"},
        {"ticket": name, "candidate": judged.tickets.ids[1], "choice": "perhaps"},
        {"ticket": name, "choice": "none"},
    ):
        assert page.client.post("/review", data=data, headers=HTML).status_code == 422
    foreign = {**HTML, "origin": "https://elsewhere.example"}
    data = {"ticket": name, "candidate": judged.tickets.ids[1], "choice": "none"}
    assert page.client.post("/review", data=data, headers=foreign).status_code == 403
    assert page.client.get("/review", params={"ticket": "INC0"}, headers=HTML).status_code == 404
