"""A hostile or odd input, and the end it must come to.

What holds for every case is checked for every case: an exit code of 0, 1 or 2, no traceback, no word of a
fault of Ticketkin, no control character on the screens, bounded memory, no hang, no file of the user's
changed, no half-written file left behind, and every row of an import accounted for.
"""

import csv
import hashlib
import json
import re
import shlex
import shutil
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from hostile_worker import Ended, Worker

Content = bytes | str | Callable[[], bytes]
Count = int | range
Check = Callable[[Path, Ended], None]
Make = Callable[[Path], list[list[str]]]

_MOST_MEMORY_BYTES = 2 << 30
_MOST_SCREEN_CHARACTERS = 2_000_000
_BROKEN = ("Traceback (most recent call last)", "fault of Ticketkin", "panicked at", "Exception ignored")
# What a terminal acts on. Line ends and tabs are harmless.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_COUNTS = {
    "rows": "n_rows",
    "tickets": "n_tickets",
    "rejected": "n_rejected",
    "blank": "n_blank",
    "collapsed": "n_collapsed",
    "repeats": "n_duplicate_ids",
}


@dataclass(frozen=True)
class Outcome:
    """The end a case must come to. Counts are compared where the import said 0 and are None where open."""

    code: int | tuple[int, ...] = 0
    """The exit code, or those that a careful user could both accept."""
    rows: Count | None = None
    """Records that stand in the input."""
    tickets: Count | None = None
    rejected: Count | None = None
    blank: Count | None = None
    collapsed: Count | None = None
    repeats: Count | None = None
    says: tuple[str, ...] = ()
    """Patterns that the screens must hold, upper and lower case alike."""
    never: tuple[str, ...] = ()
    """Texts that the screens must not hold."""
    secret: tuple[str, ...] = ()
    """Texts that neither the screens nor any file written may hold."""


@dataclass(frozen=True)
class Case:
    """One input with its expected end."""

    name: str
    family: str
    make: Make
    """Writes the input into an empty folder and returns the commands; the last one is judged, those before it
    must end well."""
    end: Outcome
    check: Check | None = None
    """Raises AssertionError where something else is wrong; where `end` allows 0, called only after 0."""
    may_change: tuple[str, ...] = ()
    """Glob patterns of files that were there before and that the command may replace."""
    environment: Mapping[str, str] = field(default_factory=dict)
    out: str | None = None
    """Where standard output goes: a path, or "a closed pipe"."""
    largest_file_bytes: int | None = None
    """No file may grow beyond it: a full disk."""
    needs_run: bool = False
    """A finished run lies in run/ and its encoder in encoder/."""
    skip: str | None = None
    """Why it can't be tried here."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w .,:;'()+/#&=<>-]+", self.name):
            raise ValueError(f"{self.name!r} is no name for a test")


def given(files: Mapping[str, Content], *commands: str | Sequence[str]) -> Make:
    """Return what writes `files` and asks for `commands`, each a line as typed or a list of words."""

    def make(folder: Path) -> list[list[str]]:
        for name, content in files.items():
            put(folder / name, content)
        return [shlex.split(command) if isinstance(command, str) else list(command) for command in commands]

    return make


def put(path: Path, content: Content) -> Path:
    """Write `content`, made only now where it is large; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = content() if callable(content) else content
    path.write_bytes(made.encode("utf-8") if isinstance(made, str) else made)
    return path


def importing(
    family: str,
    name: str,
    content: Content,
    end: Outcome,
    check: Check | None = None,
    *,
    file: str = "a.csv",
    options: str = "",
) -> Case:
    """Return the case of one file that is imported into t.parquet."""
    command = ["import", file, "--out", "t.parquet", "--json", *shlex.split(options)]
    return Case(name, family, given({file: content}, command), end, check)


def tickets_in(here: Path) -> pl.DataFrame:
    """Return the tickets that an import wrote."""
    written = [path for path in (here / "t.parquet", here / "run" / "tickets.parquet") if path.exists()]
    assert written, "no tickets were written"
    return pl.read_parquet(written[0].read_bytes())


def near(number: str, word: str) -> str:
    """Return the pattern of a number that stands near one of the words, before or after it."""
    return rf"(?<![\d,.]){number}(?![\d,.]\d).{{0,60}}({word})|({word}).{{0,60}}(?<![\d,.]){number}(?!\d)"


def values(**columns: Sequence[str]) -> Check:
    """Return the check that columns of the tickets hold exactly these values, in order."""

    def check(here: Path, _: Ended) -> None:
        frame = tickets_in(here)
        for name, expected in columns.items():
            got = frame[name].cast(pl.String).to_list()
            assert got == list(expected), f"{name} is {got!r:.1000}, expected {list(expected)!r:.1000}"

    return check


def opened(*times: str | None) -> Check:
    """Return the check that the tickets begin with these opening times (UTC)."""

    def check(here: Path, _: Ended) -> None:
        got = tickets_in(here)["opened_at"].dt.to_string("%Y-%m-%d %H:%M:%S").to_list()
        assert got[: len(times)] == list(times), f"opened_at is {got[: len(times)]}, expected {list(times)}"

    return check


def holds(column: str, *texts: str) -> Check:
    """Return the check that each text stands somewhere in a column."""

    def check(here: Path, _: Ended) -> None:
        whole = "\n".join(tickets_in(here)[column].cast(pl.String).fill_null("").to_list())
        missing = [text for text in texts if text not in whole]
        assert not missing, f"{column} lacks {missing}; it is {whole[:1000]!r}"

    return check


def judge(case: Case, worker: Worker, place: Path, finished: Path | None = None) -> None:
    """Run a case in `place` and raise AssertionError with everything that is wrong about its end.

    `finished` is a folder with a finished run and its encoder, for the cases that need them.
    """
    here = place / "here"
    here.mkdir()
    if case.needs_run:
        assert finished is not None
        shutil.copytree(finished, here, dirs_exist_ok=True)
    *earlier, last = case.make(here)
    for command in earlier:
        ended = worker.run(command, here)
        assert ended.code == 0, _printable(
            f"the command before, {command}, ended with {ended.code}: {ended.screen[-2000:]}"
        )
    before = _contents(here)
    ended = worker.run(last, here, case.environment, case.out, case.largest_file_bytes)
    faults = [*_end_faults(case, ended), *_file_faults(case, here, before, ended)]
    if not faults:
        faults += _account_faults(case, here, ended) if ended.code == 0 else []
        faults += _check_faults(case, here, ended)
    listed = "\n- ".join(faults)
    assert not faults, _printable(
        f"{case.name}: ticketkin {shlex.join(last)[:1000]}\n- {listed}\n{ended.err[-1500:]}{ended.out[-500:]}"
    )


def _printable(text: str) -> str:
    """Return `text` without what a terminal acts on, and as something that every stream can carry."""
    return (
        _CONTROL.sub(lambda control: repr(control[0])[1:-1], text)
        .encode("utf-8", "backslashreplace")
        .decode()
    )


def _check_faults(case: Case, here: Path, ended: Ended) -> list[str]:
    """Return what the case's own check says; a case that may end well is checked only where it did."""
    if case.check is None or (ended.code != 0 and 0 in _codes(case.end)):
        return []
    try:
        case.check(here, ended)
    except AssertionError as error:
        return [str(error)]
    return []


def _codes(end: Outcome) -> tuple[int, ...]:
    return end.code if isinstance(end.code, tuple) else (end.code,)


def _end_faults(case: Case, ended: Ended) -> list[str]:
    allowed = _codes(case.end)
    faults = []
    if ended.crash:
        faults.append(ended.crash[-1500:])
    if ended.code not in allowed:
        faults.append(f"exit code {ended.code}, expected {' or '.join(map(str, allowed))}")
    if ended.code in (1, 2) and case.out is None and not ended.screen:
        faults.append("it failed without a word")
    printed = ended.err + ended.out
    faults += [f"the screen says {broken!r}" for broken in _BROKEN if broken in printed]
    faults += [
        f"the screen holds the control character {controls!r}" for controls in set(_CONTROL.findall(printed))
    ]
    if len(printed) > _MOST_SCREEN_CHARACTERS:
        faults.append(f"it printed {len(printed):,} characters")
    if ended.peak_bytes > _MOST_MEMORY_BYTES:
        faults.append(f"it took {ended.peak_bytes >> 20:,} MiB")
    faults += [
        f"the screen lacks {text!r}" for text in case.end.says if not re.search(text, ended.screen, re.I)
    ]
    faults += [f"the screen holds {text!r}" for text in case.end.never if text in ended.screen]
    return faults


def _file_faults(case: Case, here: Path, before: Mapping[Path, str], ended: Ended) -> list[str]:
    after = _contents(here)
    kept = {
        path: digest
        for path, digest in before.items()
        if not any(path.relative_to(here).match(pattern) for pattern in case.may_change)
    }
    names = {path: str(path.relative_to(here)) for path in {**before, **after}}
    faults = [f"{names[path]} was removed" for path in kept if path not in after]
    faults += [f"{names[p]} was overwritten" for p in kept if p in after and after[p] != kept[p]]
    faults += [f"{names[path]} was left behind" for path in after if path.name.endswith(".part")]
    written = [path for path in after if path.is_file() and after[path] != before.get(path)]
    for secret in case.end.secret:
        if secret.casefold() in (ended.out + ended.err).casefold():
            faults.append(f"{secret!r} is on the screen")
        faults += [f"{secret!r} is in {names[path]}" for path in written if _mentions(path, secret)]
    return faults


def _mentions(path: Path, text: str) -> bool:
    content = path.read_bytes()
    if text.casefold().encode() in content.lower() or text.encode() in content:
        return True
    if path.suffix != ".parquet":
        return False
    frame = pl.read_parquet(content)
    cells = (cell for column in frame.iter_columns() if column.dtype == pl.String for cell in column)
    return any(cell is not None and text.casefold() in cell.casefold() for cell in cells)


def _contents(folder: Path) -> dict[Path, str]:
    """Return what each path of a folder holds: a digest, where a link leads to, or what it is."""
    contents = {}
    for path in folder.rglob("*"):
        if path.is_symlink():
            contents[path] = f"-> {path.readlink()}"
        elif path.is_file():
            contents[path] = _digest(path)
        else:
            contents[path] = "folder" if path.is_dir() else "other"
    return contents


def _digest(path: Path) -> str:
    mode = path.stat().st_mode
    try:
        return hashlib.blake2b(path.read_bytes()).hexdigest()
    except PermissionError:  # the case took away the right to read; its owner can give it back
        path.chmod(mode | stat.S_IRUSR)
        digest = hashlib.blake2b(path.read_bytes()).hexdigest()
        path.chmod(mode)
        return digest


def summary_of(ended: Ended) -> dict[str, Any]:
    """Return the summary of an import that was asked for as JSON; {} where none was printed."""
    try:
        summary = json.loads(ended.out)
    except ValueError:
        return {}
    return summary if isinstance(summary, dict) and "n_rows" in summary else {}


def _account_faults(case: Case, here: Path, ended: Ended) -> list[str]:
    """Return what is wrong with an import's account of its rows."""
    summary = summary_of(ended)
    expected = {name: getattr(case.end, name) for name in _COUNTS}
    if not summary:
        asked = [name for name, count in expected.items() if count is not None]
        return [f"no summary was printed, so {', '.join(asked)} can't be compared"] if asked else []
    faults = []
    if "n_blank" not in summary and expected["blank"] is not None:
        faults.append("the summary has no n_blank")
    summary.setdefault("n_blank", 0)
    kept = sum(summary[key] for name, key in _COUNTS.items() if name != "rows")
    if kept != summary["n_rows"]:
        counts = {key: summary[key] for key in _COUNTS.values()}
        faults.append(f"{summary['n_rows']} rows in, {kept} accounted for: {counts}")
    for name, count in expected.items():
        got = summary[_COUNTS[name]]
        if count is not None and got not in (count if isinstance(count, range) else (count,)):
            faults.append(f"{got} {name}, expected {count}")
    if (written := tickets_in(here).height) != summary["n_tickets"]:
        faults.append(f"{written} tickets written, {summary['n_tickets']} told")
    if (listed := _listed_as_rejected(here)) != summary["n_rejected"]:
        faults.append(f"{listed} rows in rejected.csv, {summary['n_rejected']} told")
    return faults


def _listed_as_rejected(here: Path) -> int:
    paths = [*here.glob("t.rejected.csv"), *here.glob("run/rejected.csv")]
    if not paths:
        return 0
    with paths[0].open(newline="", encoding="utf-8") as stream:
        return sum(1 for _ in csv.reader(stream)) - 1
