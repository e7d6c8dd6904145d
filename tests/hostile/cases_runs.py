"""Run folders that somebody damaged, caches that are none, encoders that can't be trusted."""

import json
import pickle
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from hostile_case import Case, Check, Outcome
from hostile_worker import Ended

Damage = Callable[[Path], object]
_FAILS = Outcome((1, 2))
_GOES_ON = Outcome(0)
_EVERYTHING = ("run/*", "run/*/*", "run/*/*/*")


def _case(
    name: str, damage: Damage, command: str | Sequence[str], end: Outcome, check: Check | None = None
) -> Case:
    def make(here: Path) -> list[list[str]]:
        damage(here)
        return [command.split() if isinstance(command, str) else list(command)]

    return Case(name, "runs", make, end, check, may_change=_EVERYTHING, needs_run=True)


def _half(name: str) -> Damage:
    def damage(here: Path) -> None:
        path = here / "run" / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return damage


def _with(name: str, content: bytes | str) -> Damage:
    def damage(here: Path) -> None:
        (here / "run" / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return damage


def _a_folder(name: str) -> Damage:
    def damage(here: Path) -> None:
        path = here / "run" / name
        path.unlink(missing_ok=True)
        path.mkdir()

    return damage


def _gone(name: str) -> Damage:
    return lambda here: (here / "run" / name).unlink()


def _changed(name: str, change: Callable[[str], str]) -> Damage:
    def damage(here: Path) -> None:
        path = here / "run" / name
        path.write_text(change(path.read_text("utf-8")), "utf-8")

    return damage


def _frame(name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Damage:
    def damage(here: Path) -> None:
        path = here / "run" / name
        change(pl.read_parquet(path.read_bytes())).write_parquet(path)

    return damage


def _vectors(change: Callable[[np.ndarray], np.ndarray]) -> Damage:
    def damage(here: Path) -> None:
        path = here / "run" / "embeddings" / "base.npy"
        np.save(path, change(np.load(path)), allow_pickle=True)

    return damage


class _Bomb:
    """Leaves a trace if it is ever unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return Path("exploded").mkdir, ()


def _nothing_ran(here: Path, _: Ended) -> None:
    assert not list(here.rglob("exploded")), "code of a file was run"


def _not_done(stage: str) -> Check:
    def check(_: Path, ended: Ended) -> None:
        states = {row["stage"]: row["state"] for row in json.loads(ended.out)}
        assert states[stage] != "done", f"the stage {stage} is called done: {states}"

    return check


def _something_due(_: Path, ended: Ended) -> None:
    states = {row["stage"]: row["state"] for row in json.loads(ended.out)}
    assert set(states.values()) != {"done"}, f"what was asked for was dropped without a word: {states}"


_CONFIG = {
    "cut off": _half("config.toml"),
    "empty": _with("config.toml", ""),
    "binary": _with("config.toml", bytes(range(256))),
    "a folder": _a_folder("config.toml"),
    "gone": _gone("config.toml"),
    "with an unknown key": _changed("config.toml", lambda text: "unknown = 5\n" + text),
    "with a seed below 0": _changed("config.toml", lambda text: re.sub(r"(?m)^seed = .*$", "seed = -1", text)),
    "with sources that are numbers": _changed("config.toml", lambda text: re.sub(r"(?s)sources = \[.*?\]", "sources = [5]", text, count=1)),
    "with lists 5,000 deep": _changed("config.toml", lambda text: f"x = {'[' * 5_000}{']' * 5_000}\n{text}"),
    "with a source that is gone": _changed("config.toml", lambda text: text.replace("a.csv", "nowhere.csv")),
}  # fmt: skip
_RECORDS = {
    "cut off": _half("stages/import.json"),
    "empty": _with("stages/import.json", ""),
    "a list": _with("stages/import.json", "[]"),
    "null": _with("stages/import.json", "null"),
    "without a key": _with("stages/import.json", "{}"),
    "with outputs that are numbers": _with(
        "stages/import.json", '{"key": "x", "outputs": 5, "seconds": "y"}'
    ),
    "binary": _with("stages/import.json", bytes(range(256))),
    "a folder": _a_folder("stages/import.json"),
}

FOLDERS = [
    *(
        _case(f"stages of a run whose settings are {how}", damage, "stages run", _FAILS if "source" not in how or "numbers" in how else Outcome((0, 1, 2)))
        for how, damage in _CONFIG.items()
    ),
    *(_case(f"links of a run whose settings are {how}", _CONFIG[how], "links run", _FAILS) for how in ("cut off", "binary", "a folder")),
    _case("resume a run whose settings are cut off", _CONFIG["cut off"], "run --resume --out run", _FAILS),
    _case("resume a run whose source is gone", _CONFIG["with a source that is gone"], "run --resume --out run", _FAILS),
    *(_case(f"stages of a run whose record is {how}", damage, "stages run --json", _GOES_ON, _not_done("import")) for how, damage in _RECORDS.items()),
    *(_case(f"links of a run whose record is {how}", _RECORDS[how], "links run", _GOES_ON) for how in ("cut off", "a list", "binary")),
    _case("resume a run whose record is cut off", _RECORDS["cut off"], "run --resume --out run", _GOES_ON),
    _case("resume a run whose last record is cut off", _half("stages/report.json"), "run --resume --out run", _GOES_ON),
    _case("report of a run whose record is cut off", _half("stages/verdict.json"), "report run", _GOES_ON),
    _case("stages of a run whose records are a file", lambda here: (shutil.rmtree(here / "run" / "stages"), (here / "run" / "stages").write_text("x")), "stages run --json", Outcome((0, 1, 2))),
    _case("links of a run whose records are a file", lambda here: (shutil.rmtree(here / "run" / "stages"), (here / "run" / "stages").write_text("x")), "links run", Outcome((0, 1, 2))),
    _case("links of a run whose lock is a folder", _a_folder(".lock"), "links run", Outcome((0, 1, 2))),
    _case("links of a run whose owner is binary", _with(".owner", b"\xff\xfe"), "links run", _GOES_ON),
    _case("links of a run whose log is binary", _with("log.jsonl", b"\xff\xfe\x00"), "links run", _GOES_ON),
    _case("links of a run whose log is a folder", _a_folder("log.jsonl"), "links run", _FAILS),
]  # fmt: skip

# What is damaged, what reads it, and the stage that makes it anew.
_ARTIFACTS = (
    ("tickets.parquet", "links run", "import"),
    ("links.parquet", "split run", "links"),
    ("splits.parquet", "pairs run", "split"),
    ("base_learned.json", "evaluate run", "split"),
    ("embeddings/base.npy", "pairs run", "embed"),
    ("embeddings/base.json", "evaluate run", "embed"),
    ("pairs.parquet", "evaluate run", "pairs"),
    ("links.json", "evaluate run", "links"),
    ("import.json", "evaluate run", "import"),
    ("profile.json", "evaluate run", "embed"),
    ("report_material.json", "report run", "evaluate|verdict"),
    ("verdict.json", "report run", "evaluate|verdict"),
    ("report.json", "ready run", "report"),
    ("report_figures.json", "report run --share", "report"),
    ("relations/relations.json", "report run", "relations"),
    ("families/families.json", "report run", "families"),
    ("ranking/ranking.json", "relate run INC1", "evaluate|verdict"),
    ("relations/classifier.json", "relate run INC1", "relations"),
)


def _without_column(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.drop(frame.columns[0])


ARTIFACTS = [
    *(
        _case(f"{command.split()[0]} of a run whose {name} is cut off", _half(name), command, Outcome((1, 2), says=(stage,)))
        for name, command, stage in _ARTIFACTS
    ),
    *(
        _case(f"{command.split()[0]} of a run whose {name} is empty", _with(name, b""), command, Outcome((1, 2), says=(stage,)))
        for name, command, stage in _ARTIFACTS
        if name.endswith(("parquet", "npy")) or "report" in name
    ),
    *(
        _case(f"{command.split()[0]} of a run whose {name} is a list", _with(name, "[]"), command, Outcome((1, 2), says=(stage,)))
        for name, command, stage in _ARTIFACTS
        if name.endswith(".json")
    ),
    *(
        _case(f"{command.split()[0]} of a run whose {name} lacks a column", _frame(name, _without_column), command, Outcome((1, 2), says=(stage,)))
        for name, command, stage in _ARTIFACTS
        if name.endswith(".parquet")
    ),
    *(
        _case(f"stages of a run whose {name} is cut off", _half(name), "stages run --json", _GOES_ON)
        for name in ("tickets.parquet", "embeddings/base.npy", "verdict.json", "report.json")
    ),
    _case("resume a run whose tickets are cut off", _half("tickets.parquet"), "run --resume --out run", _GOES_ON),
    _case("resume a run whose embeddings are cut off", _half("embeddings/base.npy"), "run --resume --out run", _GOES_ON),
    _case("tickets twice", _frame("tickets.parquet", lambda frame: pl.concat([frame, frame])), "links run", _FAILS),
    _case("splits of other tickets", _frame("splits.parquet", lambda frame: frame.with_columns(pl.lit("X").alias("ticket_id"))), "pairs run", _FAILS),
    _case("splits that are none", _frame("splits.parquet", lambda frame: frame.with_columns(pl.lit("half").alias("split"))), "pairs run", _FAILS),
    _case("links of other tickets", _frame("links.parquet", lambda frame: frame.with_columns(pl.lit("X").alias("source"))), "split run", _FAILS),
    _case("vectors that are objects", _vectors(lambda v: np.array([_Bomb()] * len(v), dtype=object)), "pairs run", _FAILS, _nothing_ran),
    _case("vectors that are a pickle", _with("embeddings/base.npy", pickle.dumps(_Bomb())), "pairs run", _FAILS, _nothing_ran),
    _case("too few vectors", _vectors(lambda v: v[:-1]), "pairs run", _FAILS),
    _case("vectors of three dimensions", _vectors(lambda v: v[None]), "pairs run", _FAILS),
    _case("vectors that are texts", _vectors(lambda v: np.array(["x"] * len(v))), "pairs run", _FAILS),
    _case("vectors that are nan", _vectors(lambda v: v * np.nan), "pairs run", _FAILS),
    _case("vectors whose head claims a terabyte", lambda here: (here / "run/embeddings/base.npy").write_bytes((here / "run/embeddings/base.npy").read_bytes().replace(b"(59, 32)", b"(9999999999, 32)", 1).replace(b"(60, 32)", b"(9999999999, 32)", 1)), "pairs run", _FAILS),
    _case("doctor of a run without a model", lambda here: shutil.rmtree(here / "run" / "model"), "doctor run", Outcome((0, 1, 2))),
    _case("pairs exported over a file", lambda here: (here / "q.json").write_text("mine"), "pairs export run q.json", Outcome(2)),
    _case("pairs exported into the run", lambda _: None, "pairs export run run/tickets.parquet", Outcome(2)),
    _case("pairs exported from a run without pairs", _gone("pairs.parquet"), "pairs export run q.json", _FAILS),
    _case("relate a ticket that is none", lambda _: None, "relate run NOPE", _FAILS),
    _case("relate a ticket with markup", lambda _: None, "relate run [/red]", Outcome((1, 2), says=(r"\[/red\]",))),
]  # fmt: skip


def _resumed(name: str, *options: str, file: tuple[str, str] | None = None) -> Case:
    def damage(here: Path) -> None:
        if file is not None:
            (here / file[0]).write_text(file[1])

    command = ["run", "--resume", "--out", "run", "--dry-run", "--json", *options]
    return _case(f"resume with {name}", damage, command, Outcome((0, 2)), _something_due)


RESUMED = [
    _resumed("a seed", "--seed", "7"),
    _resumed("candidates", "--candidates", "base,head"),
    _resumed("a base model", "--base-model", "encoder"),
    _resumed("a recipe", "--recipe", "lora-hybrid"),
    _resumed("links", "--links", "l.csv", file=("l.csv", "source,target\nINC1,INC2\n")),
    _resumed("a map", "--map", "title=description"),
    _resumed("settings from a file", "--config", "c.toml", file=("c.toml", "seed = 7\n")),
    _resumed("a review", "--reviewed", "r.csv", file=("r.csv", "source,target,kind\nINC1,INC2,related\n")),
    _case(
        "resume with a recipe that is none",
        lambda _: None,
        "run --resume --out run --dry-run --recipe nope",
        Outcome(2),
    ),
    _case(
        "resume with a seed below 0", lambda _: None, "run --resume --out run --dry-run --seed -1", Outcome(2)
    ),
]


def _private(here: Path, _: Ended) -> None:
    page = (here / "run" / "report.html").read_text("utf-8")
    shown = [path for path in (str(Path.home()) + "/", tempfile.gettempdir() + "/") if path in page]
    assert not shown, f"the report shows paths of this machine: {shown}"


def _shared(here: Path, _: Ended) -> None:
    titles = pl.read_parquet((here / "run" / "tickets.parquet").read_bytes())["title"].to_list()
    pages = [path.read_text("utf-8") for path in here.rglob("*.html")]
    assert any(not any(title in page for title in titles) for page in pages), (
        "every page holds texts of tickets"
    )


REPORTS = [
    _case("a report shows no path", lambda _: None, "report run", _GOES_ON, _private),
    _case("a report to share holds no text", lambda _: None, "report run --share", _GOES_ON, _shared),
]


def _cached(name: str, cache: str, make_it: Damage, end: Outcome) -> Case:
    def make(here: Path) -> list[list[str]]:
        make_it(here)
        return [["embed", "run"]]

    environment = {"TICKETKIN_CACHE": cache}
    return Case(f"a cache {name}", "caches", make, end, None, _EVERYTHING, environment, needs_run=True)


# Embeddings are made without it, and that is said.
_WITHOUT = Outcome(0, says=("cache",))
CACHES = [
    _cached("that is a file", "cache", lambda here: (here / "cache").write_text("mine"), _WITHOUT),
    _cached("below a file", "cache/x", lambda here: (here / "cache").write_text("mine"), _WITHOUT),
    _cached("that is a device", "/dev/null", lambda _: None, _WITHOUT),
    _cached("in a place that takes no files", "/proc/ticketkin-cache", lambda _: None, _WITHOUT),
    _cached("whose name is too long", "n" * 300, lambda _: None, _FAILS),
    _cached("with brackets and markup", "[red]cache[1]", lambda _: None, _GOES_ON),
    _cached("that is nothing", "", lambda _: None, _GOES_ON),
]


def _encoder(name: str, damage: Damage, end: Outcome = _FAILS, model: str = "./encoder") -> Case:
    def make(here: Path) -> list[list[str]]:
        damage(here / "encoder")
        return [["embed", "run", "--set", f"encoder.base_model={model}"]]

    return Case(f"an encoder {name}", "models", make, end, _nothing_ran, _EVERYTHING, needs_run=True)


def _weights(encoder: Path) -> Path:
    return next(encoder.rglob("*.safetensors"))


def _pickled(encoder: Path) -> None:
    _weights(encoder).unlink()
    (encoder / "pytorch_model.bin").write_bytes(pickle.dumps(_Bomb()))


def _foreign_module(encoder: Path) -> None:
    path = encoder / "modules.json"
    modules = json.loads(path.read_text())
    modules[0]["type"] = "os.system"
    path.write_text(json.dumps(modules))


def _empty(encoder: Path) -> None:
    shutil.rmtree(encoder)
    encoder.mkdir()


def _a_file(encoder: Path) -> None:
    shutil.rmtree(encoder)
    encoder.write_text("x")


MODELS = [
    _encoder("with a pickle alone", _pickled),
    _encoder("with a decoy beside a pickle", lambda e: (_pickled(e), (e / "decoy.safetensors").write_bytes(b"x"))),
    _encoder("whose modules name something else", _foreign_module),
    _encoder("whose modules are no JSON", lambda e: (e / "modules.json").write_text("[{")),
    _encoder("whose configuration is no JSON", lambda e: (e / "config.json").write_text("{")),
    _encoder("whose configuration brings code", lambda e: (e / "config.json").write_text(json.dumps(json.loads((e / "config.json").read_text()) | {"auto_map": {"AutoModel": "evil.Model"}})), Outcome((0, 1, 2))),
    _encoder("whose weights are cut off", lambda e: _weights(e).write_bytes(_weights(e).read_bytes()[:1_000])),
    _encoder("whose weights claim a terabyte", lambda e: _weights(e).write_bytes(b"\xff\xff\xff\xff\xff\x00\x00\x00" + _weights(e).read_bytes()[8:])),
    _encoder("that is an empty folder", _empty),
    _encoder("that is a file", _a_file),
    _encoder("that is not there", lambda _: None, model="./nowhere"),
    _encoder("that is nothing", lambda _: None, Outcome((0, 1, 2)), model=""),
]  # fmt: skip

CASES = [*FOLDERS, *ARTIFACTS, *RESUMED, *REPORTS, *CACHES, *MODELS]
