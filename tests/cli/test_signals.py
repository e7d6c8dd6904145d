"""Ctrl-C and SIGTERM at any moment: one plain line, exit 130 or 143, nothing left behind, no traceback."""

import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest
from child import COMMAND
from filelock import FileLock

from ticketkin.tickets.sample import write_sample

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="tells by /proc when a process has taken over its signals"
)
LINE = "Stopped. The same command continues where it was."
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("signals") / "incidents.csv"
    write_sample(path, 300, 3)
    return path


def start(arguments: Sequence[str], cwd: Path) -> subprocess.Popen[str]:
    """Start the command and wait until it has taken over SIGTERM: before, Python itself is starting."""
    environment = {**os.environ, "TICKETKIN_CACHE": str(cwd / "cache"), "TMPDIR": str(cwd / "temporary")}
    (cwd / "temporary").mkdir(exist_ok=True)
    child = subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment,
    )
    while child.poll() is None and not _catches_sigterm(child.pid):
        time.sleep(0.001)
    return child


def _catches_sigterm(pid: int) -> bool:
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def ends_plainly(child: subprocess.Popen[str], number: int, *, may_be_done: bool = True) -> int:
    """Check the end of a child that got a signal, and return its exit code."""
    out, err = child.communicate(timeout=90)
    assert "Traceback" not in out + err, err
    assert "fault of Ticketkin" not in err
    if child.returncode == 0 and may_be_done:
        return 0
    # -number: the signal fell into the last moments of Python, after the command had ended.
    assert child.returncode in (SIGNALS[signal.Signals(number)], -number), (child.returncode, err)
    assert child.returncode == -number or err.count(LINE) == 1
    return child.returncode


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    ("arguments", "longest"),
    [
        (("--help",), 1.2),
        (("sample", "s.csv", "--tickets", "2000", "--force"), 3.0),
        (("import", "{}", "-o", "r"), 3.0),
    ],
)
def test_at_any_moment(
    arguments: tuple[str, ...], longest: float, number: int, sample: Path, tmp_path: Path
) -> None:
    moments = random.Random(f"{arguments}{number}")
    for seconds in [0.0, *(moments.uniform(0, longest) for _ in range(4))]:
        child = start([word.format(sample) for word in arguments], tmp_path)
        time.sleep(seconds)
        child.send_signal(number)
        ends_plainly(child, number)
        assert not list((tmp_path / "temporary").iterdir())
        assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_in_the_midst_of_a_run(number: int, sample: Path, tmp_path: Path, tiny_encoder_folder: Path) -> None:
    arguments = [
        "run", str(sample), "--offline", "--base-model", str(tiny_encoder_folder), "--out", "r",
        "--candidates", "head", "--set", "evaluation.n_bootstrap=100", "--set", "evaluation.by=split",
        "--set", "relations.model=logistic", "--set", "relations.repeats=1",
    ]  # fmt: skip
    moments = random.Random(number)
    for seconds in (moments.uniform(1, 9) for _ in range(3)):
        child = start(arguments, tmp_path)
        time.sleep(seconds)
        child.send_signal(number)
        if ends_plainly(child, number) == 0:
            break
        if (tmp_path / "r").exists():
            with FileLock(tmp_path / "r" / ".lock", timeout=0):
                pass
        assert not [path for path in (tmp_path / "temporary").iterdir() if path.name.startswith("tmp")]


def started_with(code: str) -> subprocess.Popen[str]:
    """Start a program that adds the command `test` and is there when it says so."""
    program = f"import sys\nfrom ticketkin.cli import app, entry\n{code}\nentry.main()"
    child = subprocess.Popen(
        [*COMMAND[:2], program, "test"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "there\n"
    return child


@pytest.mark.parametrize("number", SIGNALS)
def test_a_command_deep_in_c_code_ends_all_the_same(number: int) -> None:
    # It waits for a lock that it holds already, which no signal ends.
    child = started_with("""
@app.app.command()
def test() -> None:
    import ctypes
    lock, library = ctypes.create_string_buffer(64), ctypes.CDLL(None)
    library.pthread_mutex_lock(lock)
    print("there", flush=True)
    library.pthread_mutex_lock(lock)
""")
    time.sleep(0.2)
    child.send_signal(number)
    ends_plainly(child, number, may_be_done=False)


def test_the_second_signal_ends_at_once() -> None:
    child = started_with("""
@app.app.command()
def test() -> None:
    import time
    try:
        print("there", flush=True)
        time.sleep(100)
    finally:
        print("putting away", flush=True)
        time.sleep(100)
""")
    child.send_signal(signal.SIGINT)
    assert child.stdout is not None
    assert child.stdout.readline() == "putting away\n"
    child.send_signal(signal.SIGINT)
    assert ends_plainly(child, signal.SIGINT, may_be_done=False) == 130


def test_a_stop_that_a_library_takes_for_its_own_error_is_still_a_stop() -> None:
    child = started_with("""
@app.app.command()
def test() -> None:
    import time
    try:
        print("there", flush=True)
        time.sleep(100)
    except BaseException as error:
        raise ImportError("numpy failed to import") from error
""")
    child.send_signal(signal.SIGTERM)
    assert ends_plainly(child, signal.SIGTERM, may_be_done=False) == 143


def test_a_stop_that_falls_into_a_destructor_ends_the_command_too() -> None:
    child = started_with("""
class Slow:
    def __del__(self) -> None:
        import time
        print("there", flush=True)
        time.sleep(3)

@app.app.command()
def test() -> None:
    import time
    one = Slow()
    del one
    time.sleep(100)
""")
    child.send_signal(signal.SIGINT)
    assert ends_plainly(child, signal.SIGINT, may_be_done=False) == 130


def test_a_forked_worker_ends_like_any_process() -> None:
    child = started_with("""
@app.app.command()
def test() -> None:
    import multiprocessing, time
    worker = multiprocessing.get_context("fork").Process(target=time.sleep, args=(100,))
    worker.start()
    time.sleep(0.2)
    worker.terminate()
    worker.join()
    print("there", flush=True)
    time.sleep(6)
    sys.exit(-worker.exitcode)
""")
    _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (signal.SIGTERM, "")


def eventual_children(pid: int) -> list[psutil.Process]:
    """Wait until a process has started a child: on a busy machine that takes its time."""
    until = time.monotonic() + 60
    while not (children := psutil.Process(pid).children(recursive=True)) and time.monotonic() < until:
        time.sleep(0.05)
    return children


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_a_child_process_dies_with_its_parent(number: int, tiny_encoder_folder: Path) -> None:
    child = started_with(f"""
@app.app.command()
def test() -> None:
    import time
    from ticketkin.encoders.fresh_process import SavedModel, embed_freshly
    print("there", flush=True)
    embed_freshly([SavedModel({str(tiny_encoder_folder)!r})], ["x"] * 200_000)
    time.sleep(100)
""")
    workers = eventual_children(child.pid)
    assert workers
    child.send_signal(number)
    child.communicate(timeout=60)
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive


@pytest.mark.parametrize("number", SIGNALS)
def test_bars_are_closed_and_the_cursor_comes_back(number: int) -> None:
    import pty

    main_end, terminal = pty.openpty()
    program = """
import sys
from ticketkin.cli import app, entry
from ticketkin.cli.console import errors
from ticketkin.cli.progress import ConsoleProgress
@app.app.command()
def test() -> None:
    import time
    with ConsoleProgress(errors) as progress, progress.task("encode", 10):
        print("there", flush=True)
        time.sleep(100)
entry.main()
"""
    child = subprocess.Popen(
        [*COMMAND[:2], program, "test"], stdout=subprocess.PIPE, stderr=terminal, text=True,
        env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(terminal)
    assert child.stdout is not None
    assert child.stdout.readline() == "there\n"
    child.send_signal(number)
    shown = b""
    while True:
        try:
            read = os.read(main_end, 4096)
        except OSError:  # how Linux tells that the other end is closed
            break
        if not read:
            break
        shown += read
    child.communicate(timeout=60)
    os.close(main_end)
    assert child.returncode == SIGNALS[signal.Signals(number)]
    assert b"encode" in shown and b"\x1b[?25l" in shown
    after = shown.rpartition(b"\x1b[?25l")[2]
    assert b"\x1b[?25h" in after
    assert shown.decode().rstrip().endswith(LINE)
