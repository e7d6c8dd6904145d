"""Where results go: over the user's own files, into places that take none, under names that mean something."""

import json
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
from hostile_case import Case, Content, Make, Outcome, given, put, tickets_in
from hostile_worker import Ended

from tiny_model import WORDS

TICKETS = "number,short_description,description\n" + "".join(
    f"INC{n},Printer {n} is down,It shows fault {n}\n" for n in range(12)
)
_OTHER = TICKETS.replace("Printer", "Screen")
_PAIRS = '[{"text1": "the mail is down", "text2": "no mail since nine", "label": 1}, \
{"text1": "the disk is full", "text2": "vpn is very slow", "label": 0}]'
_FOREIGN: dict[str, Content] = {
    "a.csv": TICKETS,
    "model/weights.txt": "mine",
    "figures/picture.svg": "<svg/>",
    "config.toml": 'name = "mine"\n',
    "report.html": "<p>mine</p>",
    "tickets.parquet": "mine",
    "notes.txt": "mine",
}
_REFUSED = Outcome(2)
_RUN_FILES = ("run/*", "run/*/*")


def _case(
    name: str,
    files: dict[str, Content],
    command: str | Sequence[str],
    end: Outcome = _REFUSED,
    **more: object,
) -> Case:
    return Case(name, "outputs", given(files, command), end, **more)  # type: ignore[arg-type]


def _after(
    name: str, files: dict[str, Content], commands: Sequence[str], end: Outcome, **more: object
) -> Case:
    return Case(name, "outputs", given(files, *commands), end, **more)  # type: ignore[arg-type]


def _linked(name: str, link: str, target: str, command: str, end: Outcome = _REFUSED) -> Case:
    def make(here: Path) -> list[list[str]]:
        put(here / "a.csv", TICKETS)
        pl.DataFrame({"number": ["INC1"], "short_description": ["a b"]}).write_parquet(here / "x.parquet")
        if link == "hard":
            os.link(here / "x.parquet", here / "y.parquet")
        else:
            (here / link).symlink_to(target)
        return [command.split()]

    return Case(name, "outputs", make, end)


def _parquet_over_itself(here: Path) -> list[list[str]]:
    pl.DataFrame({"number": ["INC1"], "short_description": ["a b"]}).write_parquet(here / "x.parquet")
    return [["import", "x.parquet", "--out", "x.parquet"]]


def _replaced(here: Path, _: Ended) -> None:
    assert tickets_in(here)["title"][0] == "Screen 0 is down", "the old tickets are still there"


def _whole_or_nothing(here: Path, _: Ended) -> None:
    """A result that is there can be read."""
    for path in here.glob("*.parquet"):
        pl.read_parquet(path.read_bytes())


FOREIGN = [
    *(
        _case(f"{command.split()[0]} into {command.split()[-1]} {what}", files, command)
        for what, files in (("that is full of foreign files", _FOREIGN), ("that holds the export", {"a.csv": TICKETS}))
        for command in ("run a.csv --offline --out .", "import a.csv --out .", "import a.csv --out ./", "run a.csv --offline --out ../here")
    ),
    _case("run into a folder of foreign files", {f"mine/{n}": c for n, c in _FOREIGN.items()}, "run mine/a.csv --offline --out mine"),
    _case("import into a folder with one foreign file", {"a.csv": TICKETS, "mine/notes.txt": "mine"}, "import a.csv --out mine"),
    _case("import into an empty folder", {"a.csv": TICKETS, "mine/x": ""}, "import a.csv --out mine2", Outcome(0)),
    _case("import into nowhere", {"a.csv": TICKETS}, ["import", "a.csv", "--out", ""]),
    _case("run into nowhere", {"a.csv": TICKETS}, ["run", "a.csv", "--offline", "--out", ""]),
    _case("run into blanks", {"a.csv": TICKETS}, ["run", "a.csv", "--offline", "--out", "  "], Outcome((0, 1, 2))),
    _case("a config.toml of something else", {"a.csv": TICKETS, "mine/config.toml": "[tool]\nname = 1\n"}, "import a.csv --out mine"),
    _case("stages of a folder with a foreign config.toml", {"mine/config.toml": "[tool]\nname = 1\n"}, "stages mine", Outcome((1, 2))),
    _case("links of a folder with a foreign config.toml", {"mine/config.toml": "[tool]\nname = 1\n"}, "links mine", Outcome((1, 2))),
]  # fmt: skip

OVERWRITTEN = [
    Case("Parquet onto itself", "outputs", _parquet_over_itself, _REFUSED),
    _linked("Parquet onto itself by way of a link", "y.parquet", "x.parquet", "import x.parquet --out y.parquet"),
    _linked("Parquet onto itself by way of a hard link", "hard", "", "import x.parquet --out y.parquet"),
    _linked("the output is a link to the source", "y.parquet", "a.csv", "import a.csv --out y.parquet"),
    _linked("the output is a link to nothing", "y.parquet", "nowhere/z.parquet", "import a.csv --out y.parquet", Outcome((0, 1, 2))),
    _linked("the run folder is a link to the source", "run", "a.csv", "import a.csv --out run"),
    _case("a rejected.csv of the user's", {"a.csv": TICKETS, "o.rejected.csv": "mine"}, "import a.csv --out o.parquet"),
    _case("the source is called like the rejected rows", {"o.rejected.csv": TICKETS}, "import o.rejected.csv --out o.parquet"),
    _case("a Parquet file of the user's", {"a.csv": TICKETS, "o.parquet": "mine"}, "import a.csv --out o.parquet"),
    _case("a Parquet file of the user's, by force", {"a.csv": TICKETS, "o.parquet": "mine"}, "import a.csv --out o.parquet --force", Outcome(0), may_change=("o.parquet",)),
    _case("a folder called like the Parquet file", {"a.csv": TICKETS, "o.parquet/x": "mine"}, "import a.csv --out o.parquet"),
    _case("a folder called like the Parquet file, by force", {"a.csv": TICKETS, "o.parquet/x": "mine"}, "import a.csv --out o.parquet --force"),
    _after("the same import again", {"a.csv": TICKETS}, ["import a.csv --out t.parquet", "import a.csv --out t.parquet"], Outcome((0, 2)), may_change=("t.*",)),
    _after("the same import again into a run", {"a.csv": TICKETS}, ["import a.csv --out run", "import a.csv --out run"], Outcome(0), may_change=_RUN_FILES),
    _after("a second export over a run", {"a.csv": TICKETS, "b.csv": _OTHER}, ["import a.csv --out run", "import b.csv --out run"], _REFUSED),
    _after("a second export over a run, by force", {"a.csv": TICKETS, "b.csv": _OTHER}, ["import a.csv --out run", "import b.csv --out run --force"], Outcome(0), check=_replaced, may_change=_RUN_FILES),
    _after("a second export over a run, by way of run", {"a.csv": TICKETS, "b.csv": _OTHER}, ["import a.csv --out run", "run b.csv --offline --out run"], _REFUSED),
    _case("the out folder is the export", {"a.csv": TICKETS}, "import a.csv --out a.csv"),
    _case("run: the out folder is the export", {"a.csv": TICKETS}, "run a.csv --offline --out a.csv"),
    _case("the out folder is a file of the user's", {"a.csv": TICKETS, "notes": "mine"}, "import a.csv --out notes"),
    _case("the out folder lies below a file", {"a.csv": TICKETS}, "import a.csv --out a.csv/run"),
    _case("the Parquet file lies below a file", {"a.csv": TICKETS}, "import a.csv --out a.csv/o.parquet"),
    _case("dry run: the out folder is a file", {"a.csv": TICKETS}, "run a.csv --offline --dry-run --out a.csv"),
    _case("a sample over a file of the user's", {"incidents.csv": "mine"}, "sample incidents.csv --tickets 20"),
    _case("a sample over a file of the user's, by force", {"incidents.csv": "mine"}, "sample incidents.csv --tickets 20 --force", Outcome(0), may_change=("incidents.csv",)),
    _case("a sample over its own neighbours", {"sample.csv": "mine"}, "sample --tickets 20"),
    _case("a sample over a folder", {"incidents.csv/x": "mine"}, "sample incidents.csv --tickets 20"),
    _case("a sample below a file", {"notes": "mine"}, "sample notes/incidents.csv --tickets 20"),
    _case("a sample of an unknown kind", {}, "sample incidents.docx --tickets 20"),
    _case("a sample into nowhere", {}, ["sample", "", "--tickets", "20"]),
    _case("a sample of too few tickets", {}, "sample incidents.csv --tickets 19"),
    _case("a sample of fewer tickets than none", {}, "sample incidents.csv --tickets -5"),
    _case("a sample with a seed below 0", {}, "sample incidents.csv --tickets 20 --seed -1"),
    _case("a sample with a seed of 33 bits", {}, "sample incidents.csv --tickets 20 --seed 4294967296"),
    _case("a sample", {}, "sample incidents.csv --tickets 20 --seed 4294967295", Outcome(0)),
    _case("checked pairs over themselves", {"p.json": _PAIRS}, "pairs check p.json --out p.json"),
    _case("checked pairs over themselves by another path", {"p.json": _PAIRS, "d/x": ""}, "pairs check p.json --out d/../p.json"),
    _case("checked pairs over a file of the user's", {"p.json": _PAIRS, "q.json": "mine"}, "pairs check p.json --out q.json"),
    _case("checked pairs over a file of the user's, by force", {"p.json": _PAIRS, "q.json": "mine"}, "pairs check p.json --out q.json --force", Outcome(0), may_change=("q.json",)),
    _case("checked pairs over a folder", {"p.json": _PAIRS, "q/x": "mine"}, "pairs check p.json --out q"),
    _case("checked pairs below a file", {"p.json": _PAIRS}, "pairs check p.json --out p.json/q.json"),
    _case("checked pairs into nowhere", {"p.json": _PAIRS}, ["pairs", "check", "p.json", "--out", ""]),
]  # fmt: skip

_LONG = "n" * 300
_LONG_PATH = "/".join(["d" * 200] * 30)
_NO_PLACE = Outcome((1, 2))
_QUIET = Outcome((0, 1, 2, 141))
"""Nobody can read what it says; 141 is what a shell says of a program that wrote to a closed pipe."""
_MANY = "number,short_description,description\n" + "".join(
    f"INC{n},Printer {n * 7919 % 3001} is down,It shows fault {n * 104729 % 30011}\n" for n in range(3_000)
)
_draw = random.Random(1)
_MANY_PAIRS = json.dumps(
    [
        {"text1": " ".join(_draw.sample(WORDS, 6)), "text2": " ".join(_draw.sample(WORDS, 6)), "label": n % 2}
        for n in range(300)
    ]
)

PLACES = [
    *(
        _case(f"import to {name}", {"a.csv": TICKETS}, ["import", "a.csv", "--out", out], end)
        for name, out, end in (
            ("a folder whose name is too long", _LONG, _REFUSED),
            ("a Parquet file whose name is too long", f"{_LONG}.parquet", _REFUSED),
            ("a Parquet file whose name is nearly too long", f"{'n' * 240}.parquet", Outcome((0, 1, 2))),
            ("a folder whose path is too long", _LONG_PATH, _REFUSED),
            ("a folder that takes no files", "/proc/ticketkin-run", _NO_PLACE),
            ("a Parquet file in a folder that takes no files", "/proc/o.parquet", _NO_PLACE),
            ("a device that is full", "/dev/full", _REFUSED),
            ("a device that forgets", "/dev/null", _REFUSED),
            ("a folder below a device", "/dev/null/run", _REFUSED),
            ("a Parquet file below a device", "/dev/null/o.parquet", _REFUSED),
        )
    ),
    _case("run to a folder whose name is too long", {"a.csv": TICKETS}, ["run", "a.csv", "--offline", "--out", _LONG]),
    _case("run to a folder that takes no files", {"a.csv": TICKETS}, "run a.csv --offline --out /proc/ticketkin-run", _NO_PLACE),
    _case("stages of a folder whose name is too long", {}, ["stages", _LONG], _NO_PLACE),
    _case("stages of a folder whose path is too long", {}, ["stages", _LONG_PATH], _NO_PLACE),
    _case("stages of a file", {"a.csv": TICKETS}, "stages a.csv", _NO_PLACE),
    _case("stages of nowhere", {}, ["stages", ""], _NO_PLACE),
    _case("report of a file", {"a.csv": TICKETS}, "report a.csv", _NO_PLACE),
    _case("report below a file", {"a.csv": TICKETS}, "report a.csv/run", _NO_PLACE),
    _case("doctor of a file", {"a.csv": TICKETS}, "doctor a.csv", _NO_PLACE),
    _case("doctor of nothing", {}, "doctor nowhere", _NO_PLACE),
    _case("doctor of an empty folder", {"mine/x": ""}, "doctor mine", _NO_PLACE),
    _case("doctor of a folder whose name is too long", {}, ["doctor", _LONG], _NO_PLACE),
    _case("checked pairs to a name that is too long", {"p.json": _PAIRS}, ["pairs", "check", "p.json", "--out", _LONG]),
    _case("checked pairs to a place that takes no files", {"p.json": _PAIRS}, "pairs check p.json --out /proc/q.json", _NO_PLACE),
    _case("a sample to a place that takes no files", {}, "sample /proc/s.csv --tickets 20", _NO_PLACE),
    _case("a sample to a name that is too long", {}, ["sample", f"{_LONG}.csv", "--tickets", "20"]),
    _case("the run folder has a log that is a folder", {"a.csv": TICKETS, "run/log.jsonl/x": ""}, "import a.csv --out run", _NO_PLACE),
    _case("a full disk, Parquet", {"a.csv": _MANY}, "import a.csv --out o.parquet", _NO_PLACE, largest_file_bytes=5_000, check=_whole_or_nothing),
    _case("a full disk, a run", {"a.csv": _MANY}, "import a.csv --out run", _NO_PLACE, largest_file_bytes=5_000),
    _case("a full disk, a sample", {}, "sample s.csv --tickets 200", _NO_PLACE, largest_file_bytes=5_000),
    _case("a full disk, pairs", {"p.json": _MANY_PAIRS}, "pairs check p.json --out q.json", _NO_PLACE, largest_file_bytes=5_000),
    _case("a full disk under the screen", {"a.csv": TICKETS}, "import a.csv --out o.parquet --json", _QUIET, out="/dev/full"),
    _case("nobody reads the screen", {"a.csv": TICKETS}, "import a.csv --out o.parquet --json", _QUIET, out="a closed pipe"),
    _case("nobody reads a table", {"p.json": _PAIRS}, "pairs check p.json", _QUIET, out="a closed pipe"),
    _case("nobody reads the help", {}, "--help", _QUIET, out="a closed pipe"),
]  # fmt: skip

_NAMES = {
    "brackets": "run [june]",
    "a range in brackets": "run[a-z]",
    "a star": "run*",
    "a question mark": "run?",
    "braces": "{run,june}",
    "markup": "[red]run[/red]",
    "markup that closes nothing": "[/]",
    "a line end": "run\njune",
    "a tab and an escape": "run\t\x1b[31m",
    "umlauts and emoji": "Läufe für Müller \U0001f3ab",
    "quotes": "it's \"my\" run",
    "a percent sign and braces": "run %s {x} {0}",
    "a backslash": "run\\june",
    "a dot at the end": "run.",
    "a tilde": "~",
    "a dollar sign": "$HOME",
    "a name of a parquet folder": "run.parquet.d",
    "bytes that are no UTF-8": os.fsdecode(b"caf\xe9"),
    "a zero-width blank": "run\u200bjune",
    "a mark of direction": "run\u202etxt",
}  # fmt: skip


def _stages_there(out: str) -> Callable[[Path, Ended], None]:
    def check(here: Path, _: Ended) -> None:
        missing = [
            name
            for name in ("tickets.parquet", "links.json", "splits.parquet")
            if not (here / out / name).exists()
        ]
        assert not missing, f"{missing} are not in {out!r}; there is {[p.name for p in here.iterdir()]}"

    return check


def linked_tickets(n_couples: int) -> str:
    """Return an export of couples of tickets that tell of the same, the second linked to the first."""
    draw = random.Random(0)
    lines = ["number,short_description,description,category,duplicate_of"]
    for couple in range(n_couples):
        common = draw.sample(WORDS, 6)
        for number in (2 * couple, 2 * couple + 1):
            words = common + draw.sample(WORDS, 2)
            draw.shuffle(words)
            master = f"INC{number - 1}" if number % 2 else ""
            lines.append(f"INC{number},{' '.join(words[:3])},{' '.join(words[3:])},c{couple % 3},{master}")
    return "\n".join(lines) + "\n"


def _named(kind: str, out: str) -> Case:
    safe = Outcome((0, 2)) if "no UTF-8" in kind else Outcome(0)
    commands = [["import", "a.csv", "--out", out], ["links", out], ["split", out], ["stages", out]]
    if "no UTF-8" in kind:
        commands = commands[:1]
    make = given({"a.csv": linked_tickets(20)}, *commands)
    check = None if "no UTF-8" in kind else _stages_there(out)
    return Case(f"a run folder called with {kind}", "paths", make, safe, check)


def _source_named(kind: str, name: str) -> Case:
    file = f"{name}.csv"
    unsafe = "no UTF-8" in kind
    make = given({file: TICKETS}, ["import", file, "--out", "t.parquet", "--json"])
    end = Outcome((0, 2), tickets=12) if unsafe else Outcome(tickets=12)
    return Case(f"a source called with {kind}", "paths", make, end)


def _parquet_named(kind: str, name: str) -> Case:
    make: Make = given({"a.csv": TICKETS}, ["import", "a.csv", "--out", f"{name}.parquet"])

    def check(here: Path, _: Ended) -> None:
        assert pl.read_parquet((here / f"{name}.parquet").read_bytes()).height == 12

    return Case(
        f"a Parquet file called with {kind}",
        "paths",
        make,
        Outcome((0, 2) if "no UTF-8" in kind else 0),
        check,
    )


PATHS = [
    *(_named(kind, name) for kind, name in _NAMES.items()),
    *(_source_named(kind, name) for kind, name in _NAMES.items()),
    *(_parquet_named(kind, _NAMES[kind]) for kind in ("brackets", "a star", "markup", "a line end", "a percent sign and braces", "bytes that are no UTF-8")),
    Case("a run folder that looks like an option", "paths", given({"a.csv": TICKETS}, ["import", "a.csv", "--out=--june"], ["stages", "--", "--june"]), Outcome(0)),
    Case("a source that looks like an option", "paths", given({"-a.csv": TICKETS}, ["import", "--out", "t.parquet", "--json", "--", "-a.csv"]), Outcome(tickets=12)),
    Case("a missing source with markup in its name", "paths", given({}, ["import", "[/red].csv", "--out", "t.parquet"]), Outcome(2, says=(r"\[/red\]\.csv",))),
    Case("a missing run folder with markup in its name", "paths", given({}, ["stages", "[/red]"]), Outcome((1, 2), says=(r"\[/red\]",))),
    Case("a missing source with terminal escapes in its name", "paths", given({}, ["import", "\x1b]0;x\x07.csv", "--out", "t.parquet"]), Outcome(2)),
]  # fmt: skip

CASES = [*FOREIGN, *OVERWRITTEN, *PLACES, *PATHS]
