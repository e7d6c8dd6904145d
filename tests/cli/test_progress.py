"""Progress where nobody watches: plain lines, seldom, with the time left."""

import io

import pytest
from rich.console import Console

from ticketkin.cli.progress import ConsoleProgress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("ticketkin.cli.progress.time.monotonic", lambda: now[0])
    return now


def test_a_long_task_in_a_log_says_now_and_then_how_far_it_is(clock: list[float]) -> None:
    stream = io.StringIO()
    progress = ConsoleProgress(Console(file=stream, width=80))
    with progress.task("train", 120) as task:
        for step in range(120):
            clock[0] += 10
            task.describe(f"loss {step}")
            task.advance()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 39  # every third of 120 steps, the last apart
    assert lines[0] == "  train: 3 of 120, 0:19:30 left, 10.0 s each loss 2"


def test_a_quick_task_in_a_log_says_nothing(clock: list[float]) -> None:
    stream = io.StringIO()
    with ConsoleProgress(Console(file=stream)).task("read", None) as task:
        for _ in range(100):
            clock[0] += 0.2
            task.advance(1000)
    assert stream.getvalue() == ""


def test_on_a_terminal_there_is_a_bar_and_it_goes_away() -> None:
    stream = io.StringIO()
    with (
        ConsoleProgress(Console(file=stream, force_terminal=True, width=120)) as progress,
        progress.task("encode", 10) as task,
    ):
        task.advance(10)
    assert "encode" in stream.getvalue()
    assert "encode" not in stream.getvalue().rpartition("\x1b[2K")[2]  # the line was erased
