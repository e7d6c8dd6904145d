"""What the system refuses ends as one plain line, never as a fault of Ticketkin or a traceback."""

import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from child import COMMAND, ticketkin

from in_process import run_in_process
from ticketkin.core.errors import InputError, JobError, MappingError
from ticketkin.core.faults import as_ticketkin_error

needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return partial(run_in_process, monkeypatch=monkeypatch, capsys=capsys)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from ticketkin.tickets.sample import write_sample

    path = tmp_path_factory.mktemp("source") / "incidents.csv"
    write_sample(path, 40, 1)
    return path


def ends_plainly(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    output = done.stderr.replace("\n", " ")
    assert done.returncode == code, output
    assert "Traceback" not in output
    assert "fault of Ticketkin" not in output
    for word in words:
        assert word in output


def test_out_on_a_file_or_below_one(source: Path, tmp_path: Path, here: Command) -> None:
    (tmp_path / "file").write_text("mine")
    for out in ("file", "file/run", "file/deeper/tickets.parquet"):
        ends_plainly(here("import", source, "--out", out), 2, "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_what_is_no_adapter_is_not_merged(here: Command, tiny_encoder_folder: Path) -> None:
    for folder in ("nowhere", tiny_encoder_folder):
        ends_plainly(here("merge", folder, "--out", "merged"), 2, "no adapter_config.json", "is no adapter")
        ends_plainly(here("doctor", folder, "--fix", "--out", "fixed"), 2, "is no adapter")


def test_a_path_too_long(source: Path, here: Command) -> None:
    for out in ("x" * 300, "x" * 300 + ".parquet", "/".join(["y" * 200] * 30)):
        ends_plainly(here("import", source, "--out", out), 2, "too long")
    ends_plainly(here("import", "x" * 5000), 2)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_may_not_be_written(source: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    ends_plainly(ticketkin("import", source, "--out", locked / "run"), 2, "read-only for this user")


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a place that nobody may write")
def test_a_place_that_nobody_may_write(source: Path, here: Command) -> None:
    ends_plainly(here("import", source, "--out", "/proc/ticketkin"), 2, "/proc")


def limited(limit: str) -> tuple[str, ...]:
    return ("bash", "-c", f'{limit}; exec "$@"', "limited")


@pytest.mark.skipif(os.name != "posix", reason="limits of a process are set by a shell")
def test_a_file_larger_than_allowed(source: Path, tmp_path: Path) -> None:
    done = ticketkin("sample", "s.csv", "--tickets", "3000", cwd=tmp_path, before=limited("ulimit -f 64"))
    ends_plainly(done, 1, "larger than is allowed")


@needs_dev_full
def test_a_full_disk_under_standard_output() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, "recipes"], stdout=full, stderr=-1, text=True, check=False)
    ends_plainly(done, 1, "disk is full")


_WRITERS = """
import sys; from pathlib import Path; import numpy as np; import polars as pl; import pyarrow as pa
import pyarrow.parquet, resource, safetensors.numpy
from ticketkin.core.faults import as_ticketkin_error
rows = np.random.default_rng(0).random(100_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for name, write in {
    "python": lambda: Path("a").write_text("x" * 100_000),
    "polars csv": lambda: pl.DataFrame({"a": rows}).write_csv("b"),
    "polars parquet": lambda: pl.DataFrame({"a": rows}).write_parquet("c"),
    "pyarrow": lambda: pyarrow.parquet.write_table(pa.table({"a": rows}), "d"),
    "numpy": lambda: np.save("e.npy", rows),
    "zipped": lambda: np.savez("f.npz", rows),
    "safetensors": lambda: safetensors.numpy.save_file({"a": rows}, "g"),
}.items():
    try:
        write()
    except BaseException as error:
        print(name, "|", as_ticketkin_error(error) or f"FAULT {error!r}")
    else:
        print(name, "| NOTHING")
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of a process are of POSIX")
def test_a_write_that_is_refused_as_every_library_tells_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WRITERS], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    output = dict(line.split(" | ", 1) for line in done.stdout.splitlines())
    assert len(output) == 7, done.stderr
    for name, words in output.items():
        assert "larger than is allowed" in words or "disk is full" in words, (name, words)


@pytest.mark.parametrize("number", sorted({errno.EROFS, errno.ENOSPC, errno.EMFILE, errno.ELOOP, errno.EIO}))
def test_refusals_name_the_path_and_a_remedy(number: int) -> None:
    message = str(as_ticketkin_error(OSError(number, os.strerror(number), "runs/june")))
    assert message.startswith("runs/june ")
    assert ";" in message


def test_any_refusal_of_the_system_is_no_fault() -> None:
    for number in errno.errorcode:
        assert as_ticketkin_error(OSError(number, os.strerror(number), "x")) is not None
    assert as_ticketkin_error(OSError("no number")) is not None


def test_what_has_other_names_is_reported_too() -> None:
    panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})
    for error, kind in (
        (MemoryError(), JobError),
        (np._core._exceptions._ArrayMemoryError((10**9, 10**9), np.dtype(float)), JobError),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), JobError),
        (RecursionError("maximum recursion depth exceeded"), InputError),
        (panic("index out of bounds"), InputError),
        (ValueError("embedded null byte"), InputError),
        (UnicodeEncodeError("utf-8", "a\udcff", 1, 2, "surrogates not allowed"), InputError),
        (subprocess.TimeoutExpired("x", 3), JobError),
    ):
        assert type(as_ticketkin_error(error)) is kind, error


def test_true_faults_stay_faults() -> None:
    assert as_ticketkin_error(KeyError("column")) is None
    assert as_ticketkin_error(RuntimeError("shapes differ")) is None
    given = MappingError("no title")
    assert as_ticketkin_error(given) is given


def test_a_name_that_is_no_text(source: Path, tmp_path: Path, here: Command) -> None:
    odd = os.fsencode(tmp_path) + b"/odd\xff.csv"
    try:
        Path(os.fsdecode(odd)).write_bytes(source.read_bytes())
    except OSError:
        pytest.skip("the file system takes text alone")
    # Once as the system hands it to a process, whose streams are real.
    for done in (
        ticketkin("import", odd, cwd=tmp_path),
        here("import", odd, "--out", "t.parquet"),
        here("run", odd, "--dry-run"),
    ):
        assert "Traceback" not in done.stderr and "fault of" not in done.stderr, done.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes of a shell")
@pytest.mark.parametrize("command", ["recipes", "recipes --json", "--help", "sample --json s.csv"])
def test_a_reader_that_goes_away_is_nothing_to_talk_about(command: str, tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*COMMAND, *command.split()], stdout=write, stderr=-1, text=True, cwd=tmp_path, check=False
    )
    os.close(write)
    assert done.stderr == ""
    assert done.returncode in (0, 1)


@pytest.mark.skipif(os.name != "posix", reason="streams closed by a shell")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams(closed: str, tmp_path: Path) -> None:
    before = ("bash", "-c", f'exec "$@" {closed}', "closed")
    done = ticketkin("sample", "s.csv", "--tickets", "20", "--json", cwd=tmp_path, before=before)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "Stopped" not in (tmp_path / "s.csv").read_text("utf-8")
    assert pl.read_csv(tmp_path / "s.csv").height >= 20


def test_too_many_open_files_is_reported() -> None:
    message = as_ticketkin_error(OSError(errno.EMFILE, "Too many open files", "a.csv"))
    assert isinstance(message, JobError) and "ulimit" in str(message)


def test_an_ascii_stream_still_gets_valid_json(tmp_path: Path) -> None:
    import json

    done = ticketkin("recipes", "--json", environment={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert json.loads(done.stdout)
    io.StringIO(done.stdout).read().encode("ascii")


def test_the_name_that_was_asked_for_is_reported_not_the_one_while_writing() -> None:
    message = as_ticketkin_error(OSError(errno.EROFS, "Read-only file system", "ro/.a.csv.d325d948.part"))
    assert str(message).startswith("ro/a.csv lies in a read-only place")
