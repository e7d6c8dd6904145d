"""A service as it is started, and the commands around it."""

import io
import json
import logging
import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from bundle_material import Judged
from new_databases import new_database
from ticketkin.cli.app import app
from ticketkin.cli.service_options import bundle_in
from ticketkin.core.errors import InputError, JobError, MissingInputError
from ticketkin.service.logs import WithoutTexts
from ticketkin.service.place import Place
from ticketkin.service.running import ServeRequest, listening_socket, reached_at, serve
from ticketkin.service.settings import ServiceSettings
from ticketkin.serving.bundle import Bundle
from ticketkin.store.database import DATABASE_URL
from ticketkin.store.embedded import EmbeddedServer
from ticketkin.tickets.sample import write_sample

runner = CliRunner()


@pytest.fixture
def named_database(postgres: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> object:
    with new_database(postgres) as url:
        monkeypatch.setenv(DATABASE_URL, url)
        yield url


def ran(*arguments: object) -> str:
    result = runner.invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


@pytest.mark.parametrize(
    "command",
    [
        ["erase", "{place}", "--ticket", "INC1", "--receipt", "{place}.json"],
        ["backup", "{place}", "--out", "{place}.zip"],
        ["keys", "create", "{place}", "jane"],
        ["keys", "list", "{place}"],
        ["models", "list", "{place}"],
    ],
)
def test_a_service_that_never_was_is_refused_and_nothing_is_made(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DATABASE_URL, raising=False)
    with pytest.raises(MissingInputError, match=r"Nothing was ever served from .*kin-service"):
        ran(*(part.replace("{place}", str(tmp_path / "kin")) for part in command))
    assert list(tmp_path.iterdir()) == []


def test_a_receipt_is_a_json_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"written as \.json"):
        ran("erase", tmp_path / "kin", "--ticket", "INC1", "--receipt", tmp_path / "receipt.txt")


def test_keys_are_made_listed_and_revoked(named_database: str, tmp_path: Path) -> None:
    key = ran("keys", "create", tmp_path / "kin", "ticket system", "--role", "administrator", "--days", "9")
    assert key.startswith("kin_") and len(key.strip()) > 40
    (listed,) = json.loads(ran("keys", "list", tmp_path / "kin", "--json"))
    assert (listed["name"], listed["role"], listed["opens"]) == ("ticket system", "administrator", True)
    assert key.strip() not in ran("keys", "list", tmp_path / "kin")
    assert "no more" in ran("keys", "revoke", tmp_path / "kin", listed["key_id"]) + ran(
        "keys", "list", tmp_path / "kin"
    )
    with pytest.raises(InputError, match="no key"):
        ran("keys", "revoke", tmp_path / "kin", listed["key_id"])
    with pytest.raises(InputError, match="allowed are agent, reviewer, administrator"):
        ran("keys", "create", tmp_path / "kin", "x", "--role", "king")
    with pytest.raises(InputError, match="NAME is blank"):
        ran("keys", "create", tmp_path / "kin", " ")


def test_sign_in_without_a_key_would_let_nobody_in(
    named_database: str, judged: Judged, tmp_path: Path
) -> None:
    settings = ServiceSettings(port=0, signs_in=True)
    with pytest.raises(InputError, match="ticketkin keys create"):
        serve(ServeRequest(judged.bundle, data=tmp_path, settings=settings))


def test_a_port_that_is_taken_is_told(judged: Judged, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = ServiceSettings(port=taken.getsockname()[1])
        with pytest.raises(JobError, match="Choose another port"):
            serve(ServeRequest(judged.bundle, data=tmp_path, settings=settings))


def test_no_part_of_an_answer_waits_for_an_acknowledgement_of_the_one_before() -> None:
    with (
        listening_socket(ServiceSettings(port=0)) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_service_keeps_its_own_beside_the_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATABASE_URL, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert Place.of(tmp_path / "kin", None).folder == tmp_path / "kin-service"
    assert Place.of(tmp_path / "kin", tmp_path / "x").folder == tmp_path / "x"
    monkeypatch.setenv(DATABASE_URL, "postgresql://desk:opensesame@db/kin")
    elsewhere = Place.of(tmp_path / "kin", None)
    assert elsewhere.folder == tmp_path / "cache/ticketkin/service" and "opensesame" not in str(elsewhere)


def test_a_run_stands_for_its_bundle(small_run: Path) -> None:
    bundle = small_run / "bundle"
    assert bundle_in(small_run) == bundle_in(str(bundle)) == bundle


@pytest.mark.parametrize("workers", [1, 2])
def test_a_signal_that_ends_the_service_stops_its_database(
    workers: int, judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DATABASE_URL, raising=False)
    options = ["--data", str(tmp_path / "data"), "--port", "0", "--workers", str(workers)]
    command = "from ticketkin.cli.entry import main; main()"
    service = subprocess.Popen(
        [sys.executable, "-c", command, "serve", str(judged.bundle), *options],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert service.stdout is not None and any("answers at" in line for line in service.stdout)
        runs = tmp_path / "data" / "database" / "postmaster.pid"
        assert runs.exists()
        service.terminate()
        assert service.wait(60) == 143
        assert not runs.exists()
    finally:
        service.kill()
        service.wait()


def test_the_log_holds_no_message_of_an_error() -> None:
    logger, text = logging.getLogger("tests.of.the.log"), io.StringIO()
    logger.propagate = False
    logger.addHandler(logging.StreamHandler(text))
    logger.addFilter(WithoutTexts())
    try:
        raise ValueError("Password of Jane is opensesame")
    except ValueError:
        logger.exception("while answering %s", "INC1")
    logger.error("plain")
    assert "opensesame" not in text.getvalue() and "ValueError at" in text.getvalue()
    assert "plain" in text.getvalue()


def test_the_demo_is_served_as_it_stood_when_its_last_ticket_opened(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[ServeRequest] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ticketkin.service.running.serve", lambda request, *_: served.append(request))
    with pytest.raises(InputError, match="or give --demo"):
        ran("serve")
    shutil.copytree(small_run, "runs/demo")
    with pytest.raises(InputError, match="is no demo"):
        ran("serve", "--demo")
    write_sample(Path("runs/demo/sample.csv"), 300, 3)
    ran("serve", "--demo", "--port", 0)
    (request,) = served
    assert request.bundle == Path("runs/demo/bundle") and Bundle.open(request.bundle).id
    sample, shown = (
        pl.read_csv(path, infer_schema=False) for path in ("runs/demo/sample.csv", request.tickets[0])
    )
    was_open = shown["state"] == "In Progress"
    assert 0 < was_open.sum() < len(sample) / 2
    assert (was_open == (sample["resolved_at"] > sample["opened_at"].max())).all()
    opened, rest = shown.filter(was_open), shown.filter(~was_open)
    assert set(opened["close_notes"].fill_null("")) == set(opened["parent_incident"].fill_null("")) == {""}
    times = [name for name in sample.columns if name.endswith(("_at", "_on"))]
    assert rest.drop(times).equals(sample.filter(~was_open).drop(times))
    newest, now = days(shown["opened_at"]).max(), days(pl.Series([f"{datetime.now(UTC):%F %T}"]))[0]
    assert now - 1.1 / 24 <= newest <= now  # kin of a ticket that is typed in opened beside it
    for name in times:  # all by as many hours, in the rows whose times are known at all
        moved = (days(rest[name]) - days(sample.filter(~was_open)[name])).drop_nulls()
        assert len(moved) > len(rest) / 2
        assert moved.round(3).unique().to_list() == [round(newest - days(sample["opened_at"]).max(), 3)]


def days(times: pl.Series) -> pl.Series:
    """Return times as days; a spreadsheet makes such numbers of some."""
    written = times.str.to_datetime(strict=False).dt.epoch("s") / 86_400
    return written.fill_null(times.cast(pl.Float64, strict=False))


def test_the_address_that_is_shown_is_one_that_a_browser_opens() -> None:
    assert reached_at("127.0.0.1", 8477, ()) == "http://127.0.0.1:8477/"
    assert reached_at("::1", 8477, ("kin.example",)) == "http://[::1]:8477/"
    assert reached_at("0.0.0.0", 8477, ("kin.example",)) == "http://kin.example:8477/"
    assert reached_at("::", 8477, ()) == f"http://{socket.gethostname()}:8477/"
