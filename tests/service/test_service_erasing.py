"""A ticket and a person are taken out of a service, and no byte of them stays in any file of it."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from service_desk import running
from typer.testing import CliRunner

from bundle_material import Judged
from ticketkin.cli.app import app
from ticketkin.core.errors import InputError
from ticketkin.service.corpus import Corpus
from ticketkin.service.place import Place
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.incoming import tickets_of_records
from ticketkin.store.database import DATABASE_URL
from ticketkin.store.keys import Role, create_key, listed_keys

runner = CliRunner()
WORDS = "xylophonic quagmire at turnstile ninety"
LONG = " ".join(f"{WORDS} {n}" for n in range(400))


def files_with(folder: Path, *texts: str | bytes) -> set[str]:
    """Return the files below `folder` in which one of the texts stands."""
    wanted = [text.encode() if isinstance(text, str) else text for text in texts]
    there = set()
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            there |= {str(path) for text in wanted if text in content}
    return there


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of a service with a database of its own, whose every byte is known.

    Not one of pytest's: another run of it shuts their parent to the user that a server runs as under root.
    """
    monkeypatch.delenv(DATABASE_URL, raising=False)
    with tempfile.TemporaryDirectory(prefix="kin-") as folder:
        yield Path(folder) / "data"


def test_no_byte_of_a_ticket_or_of_a_person_stays(
    data: Path, opened_bundle: Bundle, judged: Judged, tmp_path: Path
) -> None:
    place = Place.of(judged.bundle, data)
    records = [
        {"number": f"INC{n}", "title": f"Printer {n} is dead", "caller": f"user{n}"} for n in range(20, 40)
    ]
    gone = {"number": "INC7777777", "title": WORDS, "description": LONG, "close_notes": WORDS}
    incoming = tickets_of_records(
        [*records, gone, {**gone, "number": "INC8888888", "caller": "jane.doe"}],
        opened_bundle.ticket_settings,
        opened_bundle.pseudonymising,
    )
    pseudonym = incoming.tickets.frame.filter(incoming.tickets.frame["ticket_id"] == "INC8888888")["caller"][
        0
    ]
    with place.database() as database:
        corpus = Corpus(opened_bundle, database, place.indexes)
        stopped = Corpus(opened_bundle, database, place.indexes)
        corpus.store(incoming.tickets)
        stopped.catch_up()
        stopped.close()
        with database.transaction() as connection:
            create_key(connection, "jane.doe", Role.REVIEWER, None)
        with running(corpus) as desk:
            desk.client.get("/v1/tickets/INC7777777/kin")
            desk.client.get("/v1/tickets/INC30/kin")
            answered = {"source": "INC7777777", "target": "INC8888888", "answer": "duplicate"}
            assert desk.client.post("/v1/answers", json=answered).status_code == 200
            desk.recorder.wait()
            with database.transaction() as connection:
                connection.execute("UPDATE answers SET reviewer = 'jane.doe'")
                connection.execute("CHECKPOINT")
                features = [
                    bytes(row[0])
                    for row in connection.execute(
                        "SELECT features FROM suggestions JOIN questions USING (question_id) "
                        "WHERE 'INC7777777' IN (ticket_id, candidate)"
                    )
                ]
            assert features and files_with(data, *features)
            assert files_with(data, WORDS, "INC7777777", "jane.doe", pseudonym)

            named = ("--ticket", "INC7777777", "--ticket", "INC0")
            receipt = erased(judged, data, tmp_path / "receipt.json", *named)
            assert receipt["rows"]["tickets"] == 1 and receipt["rows"]["answers"] == 1
            assert receipt["rows"]["embeddings"] == len(opened_bundle.models)
            assert receipt["unknown_tickets"] == 1
            assert (receipt["indexes_deleted"], receipt["indexes_rewritten"]) == (1, 1)
            assert files_with(data, "INC7777777", *features) == set()
            assert files_with(data, WORDS) != set(), "the other ticket says the same"

            person = erased(judged, data, tmp_path / "second.json", "--person", "jane.doe", "--with-tickets")
            assert person["rows"]["tickets"] == 1 and person["rows"]["keys"] == 1
            assert files_with(data, WORDS, "INC8888888", "jane.doe", pseudonym) == set()
            assert desk.client.get("/v1/tickets/INC30/kin").status_code == 200
            assert len(corpus.kin) == 20
            with database.transaction() as connection:
                assert [key.opens for key in listed_keys(connection)] == [False]
        corpus.close()
    assert "INC7777777" not in (tmp_path / "receipt.json").read_text()


def erased(judged: Judged, data: Path, receipt: Path, *options: str) -> dict[str, object]:
    arguments = ["erase", str(judged.bundle), "--data", str(data), "--receipt", str(receipt), *options]
    result = runner.invoke(app, arguments)
    if result.exception is not None:
        raise result.exception
    return json.loads(receipt.read_text())


def test_a_person_is_taken_off_tickets_that_stay(
    corpus: Corpus, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = {"number": "INC1", "title": "Printer is dead", "caller": "jane.doe"}
    bundle = corpus.bundle
    corpus.store(tickets_of_records([record], bundle.ticket_settings, bundle.pseudonymising).tickets)
    with corpus.database.transaction() as connection:
        url = connection.info.dsn
    monkeypatch.setenv(DATABASE_URL, url)
    result = runner.invoke(app, ["erase", str(judged.bundle), "--person", "JANE.DOE ", "--json"])
    assert json.loads(result.stdout)["rows"]["callers taken off tickets"] == 1
    corpus.catch_up()
    stored = corpus.kin.index.all_tickets().frame
    assert stored["caller"].to_list() == [""] and stored["title"].to_list() == ["Printer is dead"]


def test_nothing_to_erase_is_reported(judged: Judged) -> None:
    result = runner.invoke(app, ["erase", str(judged.bundle)])
    assert isinstance(result.exception, InputError) and "--ticket NUMBER" in str(result.exception)
