"""Two models side by side: prepared while requests are answered, switched by one row, and back."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from browser import served
from safetensors.numpy import load_file, save_file
from service_desk import PATIENCE_SECONDS, Desk, new_corpus, running, wait_until
from typer.testing import CliRunner

from bundle_material import Judged
from ticketkin.cli.app import app
from ticketkin.core.checks import passed
from ticketkin.core.errors import InputError, JobError, ModelNotReadyError
from ticketkin.core.tables import Tickets
from ticketkin.service.corpus import Corpus
from ticketkin.service.model_switching import (
    bundle_to_serve,
    forget_model,
    prepare_model,
    switch_model,
    switch_when_ready,
)
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.manifest import write_manifest
from ticketkin.serving.parity import write_parity
from ticketkin.store.database import DATABASE_URL, Database
from ticketkin.store.embedded import EmbeddedServer
from ticketkin.store.models import active_model, known_models, note_process, running_processes

runner = CliRunner()


@pytest.fixture(scope="module")
def new_bundle(judged: Judged, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with another encoder, so that it needs embeddings of its own and scores otherwise."""
    folder = Path(shutil.copytree(judged.bundle, tmp_path_factory.mktemp("new") / "kin-july"))
    for path in (folder / "encoders").glob("**/model.safetensors"):
        weights = load_file(path)
        weights = {name: -array if "word_embeddings" in name else array for name, array in weights.items()}
        save_file(weights, path, metadata={"format": "pt"})
    manifest = write_manifest(folder)
    write_parity(Bundle(folder, manifest, Bundle.open(judged.bundle).record))
    write_manifest(folder)
    return folder


@pytest.fixture
def followed(corpus: Corpus) -> Corpus:
    """A corpus whose own model counts as tested."""
    corpus.active.parity = passed("bundle_parity", "not tested here")
    return corpus


@dataclass
class Load:
    """Clients that ask a service until they are told to stop."""

    url: str
    names: list[str]
    answers: list[tuple[str, tuple[tuple[str, float], ...], str]] = field(default_factory=list)
    """Ticket asked about, what was named with its similarity, and the model that is said to have answered."""
    faults: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def ask(self, start: int) -> None:
        with httpx2.Client(base_url=self.url, timeout=PATIENCE_SECONDS) as client:
            place = start
            while not self.stopping.is_set():
                name = self.names[place % len(self.names)]
                got = client.get(f"/v1/tickets/{name}/kin", params={"k": 3})
                if got.status_code != 200:
                    self.faults.append(got.text)
                    continue
                answer = got.json()
                relations = tuple((one["ticket_id"], one["similarity"]) for one in answer["relations"])
                self.answers.append((name, relations, answer["bundle"]))
                place += 1


def scores(corpus: Corpus, names: list[str]) -> dict[str, dict[str, float]]:
    return {
        name: {one.ticket_id: one.similarity for one in corpus.kin_of(name, 40).relations} for name in names
    }


def test_a_switch_under_load_loses_no_request_and_each_answer_names_its_model(
    followed: Corpus, judged: Judged, new_bundle: Path, tmp_path: Path
) -> None:
    corpus, tickets = followed, Tickets(judged.tickets.frame[:60])
    corpus.store(tickets)
    names = tickets.ids[50:54]
    other = Corpus(corpus.bundle, corpus.database, tmp_path / "another machine")
    other.warm_up()
    other.start_following()
    old, expected = corpus.bundle.id, {corpus.bundle.id: scores(corpus, names)}
    with served(corpus) as url:
        load = Load(url, names)
        clients = [threading.Thread(target=load.ask, args=(start,)) for start in range(3)]
        for client in clients:
            client.start()
        new = prepare_model(corpus.database, judged.bundle, new_bundle, None).id
        assert corpus.bundle.id == other.bundle.id == old
        switch_when_ready(corpus.database, new, "kim", PATIENCE_SECONDS)
        wait_until(lambda: corpus.bundle.id == other.bundle.id == new)
        expected[new] = scores(corpus, names)
        n_before = len(load.answers)
        wait_until(lambda: len(load.answers) > n_before + 20)
        after = {bundle for _, _, bundle in load.answers[n_before + 3 :]}
        corpus.store(Tickets(judged.tickets.frame[60:61]))  # and it is searched by the one that answers
        assert corpus.kin.index.row_of(judged.tickets.ids[60]) is not None
        with httpx2.Client(base_url=url, timeout=PATIENCE_SECONDS) as client:
            back = client.post("/v1/model", json={"bundle": old})
            assert back.status_code == 200, back.text
            assert [switch["bundle"] for switch in back.json()["switches"]] == [old, new]
        wait_until(lambda: corpus.bundle.id == other.bundle.id == old)
        load.stopping.set()
        for client in clients:
            client.join()
    other.close()
    assert not load.faults
    assert after == {new} and {bundle for _, _, bundle in load.answers} == {old, new}
    assert expected[old] != expected[new]
    for name, relations, bundle in load.answers:
        for ticket_id, similarity in relations:
            if ticket_id in expected[bundle][name]:
                assert similarity == pytest.approx(expected[bundle][name][ticket_id], abs=1e-5)
    assert corpus.kin.index.row_of(judged.tickets.ids[60]) is not None


def test_a_process_that_is_not_ready_holds_a_switch_up(
    followed: Corpus, judged: Judged, new_bundle: Path
) -> None:
    database = followed.database
    followed.store(Tickets(judged.tickets.frame[:5]))
    new = prepare_model(database, judged.bundle, new_bundle, None).id
    followed.hold_ready()
    strange = uuid4()
    with database.transaction() as connection:
        note_process(connection, strange, {followed.bundle.id: "", new: "no such folder"}, followed.bundle.id)
    with pytest.raises(ModelNotReadyError, match=r"1 running process .* no such folder"):
        switch_when_ready(database, new, "kim", PATIENCE_SECONDS)
    with running(followed) as desk:
        refused = desk.client.post("/v1/model", json={"bundle": new})
        assert refused.status_code == 409 and "Nothing was switched" in refused.json()["detail"]
        unknown = desk.client.post("/v1/model", json={"bundle": "0" * 32})
        assert unknown.status_code == 422 and "ticketkin models switch" in unknown.json()["detail"]
        page = desk.client.get("/trust", headers={"accept": "text/html"}).text
        assert "Beside it" in page and "is not ready: no such folder" in " ".join(page.split())
    with database.transaction() as connection:
        assert active_model(connection) is None
        note_process(connection, strange, {followed.bundle.id: "", new: ""}, followed.bundle.id)
        switch_model(connection, new, "kim")
    followed.follow()
    assert followed.bundle.id == new
    with pytest.raises(InputError, match="stands beside the one that answers"):
        forget_model(database, new, "kim", None)
    old = Bundle.open(judged.bundle)
    assert forget_model(database, old.id, "kim", None) == 5 * len(set(old.models.values()))
    forgotten = weakref.ref(followed._models[old.id])
    followed.hold_ready()
    assert forgotten() is None  # its memory is free
    assert followed.kin_of(judged.tickets.ids[3], 3).relations


def test_a_process_without_the_model_that_was_switched_to_gets_no_questions(
    followed: Corpus, judged: Judged, new_bundle: Path, tmp_path: Path
) -> None:
    database = followed.database
    copy = Path(shutil.copytree(new_bundle, tmp_path / "kin-july"))
    new = prepare_model(database, judged.bundle, copy, None).id
    assert bundle_to_serve(database, followed.bundle, None).id == followed.bundle.id
    with database.transaction() as connection:
        switch_model(connection, new, "kim")
    assert bundle_to_serve(database, followed.bundle, None).folder == copy
    shutil.rmtree(copy)
    with pytest.raises(InputError, match=r"switched to the model .* put its bundle back"):
        bundle_to_serve(database, followed.bundle, None)
    assert bundle_to_serve(database, Bundle.open(new_bundle), None).folder == new_bundle
    with running(followed) as desk:
        followed.hold_ready()
        followed.follow()
        ready = desk.client.get("/readyz")
        assert ready.status_code == 503 and ready.json()["bundle"] == followed.bundle.id


def test_a_bundle_that_scores_otherwise_here_is_not_prepared(
    corpus: Corpus, judged: Judged, new_bundle: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(new_bundle, tmp_path / "kin-july"))
    shutil.copy(judged.bundle / "parity.json", copy / "parity.json")
    write_manifest(copy)
    with pytest.raises(JobError, match="Nothing was switched"):
        prepare_model(corpus.database, judged.bundle, copy, None)
    with corpus.database.transaction() as connection:
        assert known_models(connection) == []


def test_a_switch_that_ends_before_its_row_is_committed_changes_nothing(
    followed: Corpus, judged: Judged, new_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    new = prepare_model(followed.database, judged.bundle, new_bundle, None).id
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("ticketkin.service.model_switching.put_audit", killed)  # after the row was written
        switch_when_ready(followed.database, new, "kim", PATIENCE_SECONDS)
    with followed.database.transaction() as connection:
        assert active_model(connection) is None
    switch_when_ready(followed.database, new, "kim", PATIENCE_SECONDS)
    with followed.database.transaction() as connection:
        assert active_model(connection) == new


@pytest.mark.slow
def test_a_switch_that_is_killed_leaves_the_model_that_answered(
    opened_bundle: Bundle,
    postgres: EmbeddedServer,
    judged: Judged,
    new_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with new_corpus(opened_bundle, postgres, tmp_path) as corpus:
        corpus.active.parity = passed("bundle_parity", "not tested here")
        corpus.store(Tickets(judged.tickets.frame[:20]))
        with corpus.database.transaction() as connection:
            monkeypatch.setenv(DATABASE_URL, connection.info.dsn)
        _kill_once_prepared(corpus.database, judged.bundle, new_bundle)
        with corpus.database.transaction() as connection:
            assert active_model(connection) is None
        corpus.follow()
        assert corpus.bundle.id == opened_bundle.id and corpus.kin_of(judged.tickets.ids[3], 3).relations
        corpus.hold_ready()
        arguments = ["models", "switch", str(judged.bundle), str(new_bundle)]
        result = runner.invoke(app, arguments)
        assert result.exception is None and "answers (model" in result.stdout, result.output
        corpus.follow()
        assert corpus.bundle.folder == new_bundle
        listed = runner.invoke(app, ["models", "list", str(judged.bundle)]).stdout
        assert "answers" in listed and "stands ready" in listed


def _kill_once_prepared(database: Database, old: Path, new: Path) -> None:
    """Kill the command while it waits for a process that is about to be ready."""
    process = uuid4()
    code = "from ticketkin.cli.entry import main; main()"
    with database.transaction() as connection:
        note_process(connection, process, {"other": ""}, "other")
    child = subprocess.Popen([sys.executable, "-c", code, "models", "switch", str(old), str(new)])
    try:

        def is_prepared() -> bool:
            with database.transaction() as connection:
                note_process(connection, process, {"other": ""}, "other")
                return len(known_models(connection)) == 2

        wait_until(is_prepared)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    with database.transaction() as connection:
        note_process(connection, process, {}, "")


@pytest.fixture
def agent_desk(followed: Corpus) -> Iterator[Desk]:
    with running(followed, signs_in=True) as desk:
        yield desk


def test_only_an_administrator_switches(agent_desk: Desk) -> None:
    assert agent_desk.client.post("/v1/model", json={"bundle": "x"}).status_code == 401


def test_threads_of_a_process_note_what_it_is_ready_for_at_once(followed: Corpus) -> None:
    faults: list[BaseException] = []

    def note() -> None:
        try:
            for _ in range(15):
                followed._note(due=True)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=note) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    with followed.database.transaction() as connection:
        (one,) = running_processes(connection)
        assert one.bundle == followed.bundle.id and one.is_answering
        strange = uuid4()
        for answering in ("a", "b"):
            note_process(connection, strange, {"a": "", "b": "no folder"}, answering)
        note_process(connection, strange, {"b": ""}, "b")
        kept = [(one.bundle, one.fault) for one in running_processes(connection) if one.process == strange]
        assert kept == [("b", "")]
