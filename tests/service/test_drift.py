"""Drift: the same tickets show none, tickets of another desk are named for what differs."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from page_checks import HTML, assert_inert
from service_desk import Desk, new_corpus, running

from bundle_material import Judged
from ticket_material import make_tickets
from ticketkin.core.tables import Tickets
from ticketkin.service.corpus import Corpus
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.drift import DRIFT
from ticketkin.store.embedded import EmbeddedServer

_GERMAN = (
    "Der Essensautomat im zweiten Stock nimmt keine Münzen an",
    "Die Kaffeemaschine meldet einen unbekannten Bohnenfehler",
    "Das Tablettband steht still und quietscht entsetzlich",
    "Der Salatkühler vereist und läuft danach ständig aus",
)


@pytest.fixture(scope="module")
def page(
    opened_bundle: Bundle, postgres: EmbeddedServer, judged: Judged, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    with new_corpus(opened_bundle, postgres, tmp_path_factory.mktemp("drift")) as corpus:
        corpus.store(judged.tickets)
        with running(corpus) as desk:
            yield desk


def _canteen(n: int) -> Tickets:
    return make_tickets(
        n,
        [f"2040-03-{1 + place % 28:02d} {place % 24:02d}:00:00" for place in range(n)],
        number=[f"CANTEEN{place}" for place in range(n)],
        title=[_GERMAN[place % len(_GERMAN)] for place in range(n)],
        description=[f"Seit Montag, Gerät Nummer {place}<script>" for place in range(n)],
        service=["Kantine <b>Süd</b>"] * n,
        state=["New"] * n,
    )


def test_the_tickets_of_the_run_have_not_drifted_and_a_bundle_of_counts_names_none(
    page: Desk, judged: Judged
) -> None:
    measured = page.client.get("/v1/drift").json()
    assert measured["has_shifted"] is False and measured["n_tickets"] >= 50, measured
    assert measured["n_reference"] == len(judged.tickets)
    assert {"words", "length", "nearest", "service"} <= {one["quantity"] for one in measured["shifts"]}
    html = page.client.get("/trust/drift", headers=HTML).text
    assert_inert(html)
    assert "No drift seen" in html and 'hx-get="/trust/drift"' in page.client.get("/trust", headers=HTML).text
    kept = (page.corpus.bundle.folder / DRIFT).read_text("utf-8").lower()
    values = set(judged.tickets.frame["service"].to_list()) | set(judged.tickets.frame["title"].to_list())
    assert not [value for value in values if len(value) > 3 and value.lower() in kept]


def test_tickets_of_another_language_and_service_are_named_and_a_new_run_is_due(page: Desk) -> None:
    page.corpus.store(_canteen(80))
    page.corpus.catch_up()
    measured = page.client.get("/v1/drift").json()
    assert measured["has_shifted"] is False, "it is kept for ten minutes"
    fresh = type(page.client.app.state.serving.drift)(page.corpus)
    page.client.app.state.serving.drift = fresh
    measured = page.client.get("/v1/drift").json()
    assert measured["has_shifted"] is True and measured["n_tickets"] == 80
    assert measured["since"].startswith("2040-03-01")
    shifted = {one["quantity"]: one for one in measured["shifts"] if one["has_shifted"]}
    assert {"words", "service"} <= set(shifted)
    assert shifted["words"]["now"] > 0.5 > shifted["words"]["before"]
    assert shifted["service"]["now"] == 1.0 and shifted["service"]["examples"] == ["Kantine <b>Süd</b>"]
    html = " ".join(page.client.get("/trust/drift", headers=HTML).text.split())
    assert_inert(html)
    assert "The tickets changed: the words, " in html and "a new run on an export of today is due" in html
    assert "100 of 100" in html and "more tickets with Kantine" in html


def test_too_few_tickets_and_a_bundle_without_counts_are_said_to_tell_nothing(
    corpus: Corpus, bundle: Path, opened_bundle: Bundle, judged: Judged, tmp_path: Path
) -> None:
    corpus.store(Tickets(judged.tickets.frame[:20]))
    with running(corpus) as desk:
        assert desk.client.get("/v1/drift").json() | {"shifts": []} == {
            "n_tickets": 20, "n_scored": 0, "n_reference": 300, "since": None, "has_shifted": None,
            "shifts": [],
        }  # fmt: skip
        assert "20 tickets are too few" in desk.client.get("/trust/drift", headers=HTML).text
    (bundle / DRIFT).unlink()
    other = Corpus(replace(opened_bundle, folder=bundle), corpus.database, tmp_path / "other")
    with running(other) as desk:
        assert desk.client.get("/v1/drift").json()["n_reference"] == 0
        assert "Bundle the run again" in desk.client.get("/trust/drift", headers=HTML).text
    other.close()
