"""Several processes at one address: spread, replaced, stopped together, and of one mind."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil
import pytest
from service_desk import PATIENCE_SECONDS, wait_until

from bundle_material import Judged
from ticketkin.core.tables import Tickets
from ticketkin.service.corpus import Corpus
from ticketkin.service.model_index import FOLLOWED
from ticketkin.service.refusals import UnknownTicketError
from ticketkin.serving.bundle import Bundle
from ticketkin.store.database import DATABASE_URL


@contextmanager
def started(*command: str, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Yield a process, which is ended with its workers whatever the test did."""
    parent = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    )
    try:
        yield parent
    finally:
        left = workers_of(parent) if parent.poll() is None else []
        for process in [*left, parent]:
            process.kill()
        parent.wait()
        for stream in (parent.stdout, parent.stderr):
            if stream is not None:
                stream.close()


@contextmanager
def hangups(handler: signal.Handlers) -> Iterator[None]:
    """Start processes as a terminal does (SIG_DFL), or as `nohup` does (SIG_IGN)."""
    before = signal.signal(signal.SIGHUP, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def workers_of(parent: subprocess.Popen[str]) -> list[psutil.Process]:
    children = psutil.Process(parent.pid).children()
    alive = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in alive if "spawn_main" in " ".join(child.cmdline())]


@contextmanager
def telling() -> Iterator[tuple[subprocess.Popen[str], str]]:
    with started(str(Path(__file__).with_name("quick_workers.py")), "telling") as parent:
        assert parent.stdout is not None
        yield parent, f"http://127.0.0.1:{parent.stdout.readline().strip()}"


def who_answers(url: str, n: int = 12) -> set[int]:
    """Return who answers some clients that ask at once and keep their connections."""

    def ask(_: int) -> set[int]:
        with httpx2.Client(base_url=url, timeout=60.0) as client:
            return {int(client.get("/").raise_for_status().text) for _ in range(n)}

    with ThreadPoolExecutor(4) as pool:
        return set().union(*pool.map(ask, range(4)))


def test_clients_that_keep_their_connections_are_spread_and_a_kill_leaves_the_others_answering() -> None:
    with telling() as (parent, url):
        wait_until(lambda: len(who_answers(url)) == 2)
        killed, other = workers_of(parent)
        killed.kill()
        assert who_answers(url, 1) <= {other.pid} | {one.pid for one in workers_of(parent)}
        wait_until(lambda: len(who_answers(url)) == 2)
        replaced = {one.pid for one in workers_of(parent)}
        assert other.pid in replaced and killed.pid not in replaced


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_all_stop_with_the_process_that_started_them(number: signal.Signals) -> None:
    with hangups(signal.SIG_DFL), telling() as (parent, url):
        wait_until(lambda: len(who_answers(url)) == 2)
        workers = workers_of(parent)
        workers[0].kill()  # what a killed one leaves is no reason to complain
        parent.send_signal(number)
        _, complaint = parent.communicate(timeout=60)
        assert psutil.wait_procs(workers, timeout=60)[1] == []
        assert "Traceback" not in complaint or number == signal.SIGINT, complaint
        assert "leaked" not in complaint and parent.returncode not in (0, None)


def test_started_by_nohup_they_outlive_the_end_of_the_terminal() -> None:
    with hangups(signal.SIG_IGN), telling() as (parent, url):
        wait_until(lambda: len(who_answers(url)) == 2)
        workers = workers_of(parent)
        for process in [parent, *workers]:  # a terminal that ends tells all of them
            process.send_signal(signal.SIGHUP)
        assert who_answers(url) == {worker.pid for worker in workers}
        parent.terminate()
        parent.communicate(timeout=60)
        assert parent.returncode == -signal.SIGTERM


def test_none_outlives_a_parent_that_was_killed() -> None:
    with telling() as (parent, url):
        wait_until(lambda: len(who_answers(url)) == 2)
        workers = workers_of(parent)
        parent.kill()
        assert psutil.wait_procs(workers, timeout=60)[1] == []


def test_a_first_worker_that_fails_ends_it_all() -> None:
    with started(str(Path(__file__).with_name("quick_workers.py")), "failing") as parent:
        shown, complaint = parent.communicate(timeout=PATIENCE_SECONDS)
    assert shown == "" and parent.returncode == 1
    assert "no bundle" in complaint and "refused: The first worker did not start" in complaint


def test_a_process_begins_like_the_one_beside_it(
    corpus: Corpus, opened_bundle: Bundle, judged: Judged, tmp_path: Path
) -> None:
    corpus.store(Tickets(judged.tickets.frame[:5]))
    corpus.active.write_held()
    beside = Corpus(opened_bundle, corpus.database, tmp_path / "indexes")
    try:
        assert sorted(beside.kin.index.all_tickets().ids) == sorted(judged.tickets.ids[:5])
        beside.store(Tickets(judged.tickets.frame[5:7]))
        corpus.catch_up()
        assert len(corpus.kin) == len(beside.kin) == 7
        corpus.delete(judged.tickets.ids[:4], "jo")
        assert len(corpus.kin) == 3 and len(beside.kin) == 7, "each has files of its own"
    finally:
        beside.close()


def test_half_an_index_beside_it_is_not_taken_over(
    corpus: Corpus, opened_bundle: Bundle, judged: Judged, tmp_path: Path
) -> None:
    corpus.store(Tickets(judged.tickets.frame[:5]))
    corpus.active.write_held()
    for segment in (corpus.active.place / "index").glob("segment-*"):
        next(segment.glob("*.npy")).unlink()
    assert (corpus.active.place / FOLLOWED).exists()
    beside = Corpus(opened_bundle, corpus.database, tmp_path / "indexes")
    try:
        assert len(beside.kin) == 0
        beside.catch_up()
        assert len(beside.kin) == 5
    finally:
        beside.close()


def test_a_ticket_that_another_process_has_just_stored_is_known(
    corpus: Corpus, opened_bundle: Bundle, judged: Judged, tmp_path: Path
) -> None:
    beside = Corpus(opened_bundle, corpus.database, tmp_path / "indexes")
    try:
        first, second, *_ = judged.tickets.ids
        corpus.store(Tickets(judged.tickets.frame[:2]))
        assert beside.stored([first]).ids == [first]
        assert beside.kin_of(second, 3).ticket_id == second
        with pytest.raises(UnknownTicketError, match="No ticket 'INC-none' is stored"):
            beside.stored(["INC-none"])
    finally:
        beside.close()


def test_a_service_of_two_workers_answers_counts_and_outlives_a_kill(judged: Judged, tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != DATABASE_URL}
    command = ["-c", "from ticketkin.cli.entry import main; main()", "serve", str(judged.bundle)]
    options = ["--port", "0", "--data", str(tmp_path / "data"), "--workers", "2"]
    tickets = [{"number": f"INC90{row}", "title": f"Outlook asks for password {row}"} for row in range(5)]
    with started(*command, *options, env=env) as parent:
        assert parent.stdout is not None
        url = next(match[0] for line in parent.stdout if (match := re.search(r"http://\S+", line)))

        def counted() -> float:
            text = httpx2.get(f"{url}metrics").text
            return float(re.search(r'path="/v1/relate",status="200"} (\S+)', text)[1])  # type: ignore[index]

        def ask(number: str) -> int:
            question = {"ticket": number, "k": 2}
            return httpx2.post(f"{url}v1/relate", json=question, timeout=60.0).status_code

        assert httpx2.post(f"{url}v1/tickets", json={"tickets": tickets}, timeout=60.0).status_code == 200
        wait_until(lambda: len(workers_of(parent)) == 2)
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(ask, [ticket["number"] for ticket in tickets] * 4)) == {200}
        assert counted() == 20
        workers_of(parent)[0].kill()
        wait_until(lambda: httpx2.get(f"{url}readyz", timeout=60.0).status_code == 200)
        assert ask("INC900") == 200
        assert counted() == 21, "what the killed one counted stays counted"
        parent.send_signal(signal.SIGTERM)
        _, complaint = parent.communicate(timeout=60)
    assert parent.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in complaint and complaint.rstrip().endswith("continues where it was.")
