"""Settings and options: numbers that are none, files that are none, names that nothing has."""

from collections.abc import Mapping, Sequence

from hostile_case import Case, Content, Outcome, given

_TICKETS = "number,short_description,description\nINC1,Mail is down,since nine\nINC2,VPN is slow,very\n"
_REFUSED = Outcome(2)
_FINE = Outcome(0)


def _set(assignment: str, end: Outcome = _REFUSED, name: str = "") -> Case:
    command = ["import", "a.csv", "--out", "t.parquet", "--set", assignment]
    shown = name or "".join(c if c.isalnum() or c in " .,_+=-" else "?" for c in assignment).replace("?", "")
    return Case(f"set {shown}", "settings", given({"a.csv": _TICKETS}, command), end)


def _options(name: str, options: Sequence[str], end: Outcome = _REFUSED) -> Case:
    command = ["run", "a.csv", "--offline", "--dry-run", "--out", "run", *options]
    return Case(f"option {name}", "settings", given({"a.csv": _TICKETS}, command), end)


def _config(name: str, content: Content | None, end: Outcome = _REFUSED, *, file: str = "c.toml") -> Case:
    files: dict[str, Content] = {"a.csv": _TICKETS}
    if content is not None:
        files[file] = content
    config = [] if file.startswith("ticketkin.toml") else ["--config", "c.toml"]
    command = ["import", "a.csv", "--out", "t.parquet", *config]
    return Case(f"settings file: {name}", "settings", given(files, command), end)


def _environment(name: str, environment: Mapping[str, str], end: Outcome = _REFUSED) -> Case:
    make = given({"a.csv": _TICKETS}, "import a.csv --out t.parquet")
    return Case(f"environment: {name}", "settings", make, end, environment=environment)


def _typed(name: str, *words: str, end: Outcome = _REFUSED) -> Case:
    return Case(f"typed: {name}", "settings", given({"a.csv": _TICKETS}, list(words)), end)


VALUES = [
    *(_set(f"seed={seed}") for seed in ("-1", "4294967296", "1.5", "abc", "true", "inf", "nan", "2024-01-01", "[1]", '""')),
    _set("seed=" + "7" * 5_000, name="a seed of 5,000 digits"),
    *(_set(f"seed={seed}", _FINE) for seed in ("0", "4294967295")),
    _set("seed=1e3", Outcome((0, 2))),
    *(
        _set(f"{section}.learning_rate={rate}")
        for section, rate in (("lora", "inf"), ("lora", "nan"), ("lora", "1e999"), ("lora", "-1e-4"), ("lora", "0"), ("head", "inf"), ("full", "nan"), ("adapted", "true"), ("relations.cross_encoder", "inf"))
    ),
    *(
        _set(assignment)
        for assignment in (
            "lora.rank=true", "lora.rank=1.5", "lora.rank=0", "lora.alpha=true", "lora.dropout=nan", "lora.dropout=1",
            "head.epochs=true", "head.epochs=inf", "head.batch_size=true", "encoder.batch_size=0",
            "encoder.max_length_tokens=true", "split.train=nan", "split.train=inf", "split.train=0.9", "split.near_identical=nan",
            "strength.strengths=[0, nan]", "strength.strengths=[0, inf]", "strength.strengths=[1]",
            "lora.epochs_per_phase=[1, 1]", "lora.epochs_per_phase=[true, 1, 1]", "evaluation.n_bootstrap=true", "evaluation.target_value=nan",
            "tickets.max_characters=true", "tickets.max_characters=inf", "tickets.redact=maybe", "tickets.mapping=5",
            "tickets.mapping.title=[1]", "lora.weight_decay=inf", "lora.contrastive_weight=nan", "relations.none_per_linked=inf",
            "readiness.latency_ms=inf", "links.silver_pairs=true",
        )
    ),
    _set("lora.rnak=1"), _set("lorra.rank=1"), _set("lora.rank.x=1"), _set("seed.x=1"), _set("tickets=5"), _set("lora=[]"),
    _set("=1", name="without a name"), _set("seed", name="without a value"), _set("..=1", name="dots alone"), _set(".seed=1", name="a dot first"),
    _set("", name="nothing"), _set("=", name="an equals sign alone"),
    _set("seed=1\nlora.rank=true", name="two lines"),
    _set("tickets.template='{title}'\nx = 1", Outcome((0, 2)), name="a line behind a text"),  # a template of two lines
    _set("tickets.mapping.title=" + "[" * 5_000, name="5,000 brackets"),
    _set("strength.strengths=" + "[" * 5_000 + "]" * 5_000, name="lists 5,000 deep"),
    _set(".".join("a" * 5_000) + "=1", name="a name of 5,000 parts"),
    _set("[red].x=1", name="markup"), _set("\x1b[31m.x=1", name="terminal escapes"), _set("lora.rank=\x1b[31m", name="a value of terminal escapes"),
    _set("candidates=[base, forest]"), _set("recipe=nope", Outcome((0, 2))), _set("pairs.sources=[]"),
]  # fmt: skip

OPTIONS = [
    _options("seed below 0", ["--seed", "-1"]),
    _options("seed of 33 bits", ["--seed", "4294967296"]),
    _options("seed that is a fraction", ["--seed", "1.5"]),
    _options("seed at the end of its range", ["--seed", "4294967295"], _FINE),
    _options("seed of 5,000 digits", ["--seed", "7" * 5_000]),
    _options("candidates that nothing is called", ["--candidates", "base,forest"]),
    _options("candidates that are nothing", ["--candidates", ""], Outcome((0, 2))),
    _options("candidates that are commas", ["--candidates", ",,,"], Outcome((0, 2))),
    _options("a recipe that is none", ["--recipe", "nope"]),
    _options("a recipe that is a path", ["--recipe", "../../etc/passwd"]),
    _options("a recipe that is nothing", ["--recipe", ""], Outcome((0, 2))),
    _options("test pairs alone", ["--test-pairs", "a.csv"]),
    _options("pairs beside an export", ["--pairs", "a.csv"]),
    _options("pairs that are missing", ["--pairs", "nowhere.json"]),
    _options("links that are missing", ["--links", "nowhere.csv"]),
    _options("a review that is missing", ["--reviewed", "nowhere.csv"]),
    _options("links that are nothing", ["--links", ""]),
    _options("an option that is none", ["--sed", "5"]),
    _options("an option without its value", ["--seed"]),
    _options("a base model with markup", ["--base-model", "[/red]"], Outcome(1, says=("[/red]",))),
]

FILES = [
    _config("missing", None),
    _config("a folder", "", file="c.toml/x"),
    _config("binary", bytes(range(256)) * 4),
    _config("empty", "", _FINE),
    _config("UTF-16", "seed = 5\n".encode("utf-16")),
    _config("with a mark of UTF-8", "\ufeffseed = 5\n", Outcome((0, 2))),
    _config("JSON", '{"seed": 5}'),
    _config("an unknown key", "sed = 5\n"),
    _config("an unknown section", "[loora]\nrank = 8\n"),
    _config("a key twice", "seed = 5\nseed = 6\n"),
    _config("a section that is a number", "lora = 5\n"),
    _config("a seed below 0", "seed = -1\n"),
    _config("a seed of true", "seed = true\n"),
    _config("a rate of inf", "[lora]\nlearning_rate = inf\n"),
    _config("a time as seed", "seed = 2024-01-01T10:00:00\n"),
    _config("lists 5,000 deep", "seed = " + "[" * 5_000 + "]" * 5_000 + "\n"),
    _config("a whole number of 5,000 digits", "seed = " + "7" * 5_000 + "\n"),
    _config("zero bytes", "seed = 5\x00\n"),
    _config("10 MB of one line", lambda: b"seed = " + b"7" * (10 << 20)),
    _config("the default one is a folder", "", file="ticketkin.toml/x"),
    _config("the default one is binary", b"\xff\xfe\x00\x01", file="ticketkin.toml"),
    _config("the default one has an unknown key", "sed = 5\n", file="ticketkin.toml"),
    _config("the default one is good", "seed = 5\n", _FINE, file="ticketkin.toml"),
    _environment("a seed that is a word", {"TICKETKIN_SEED": "abc"}),
    _environment("a seed that is empty", {"TICKETKIN_SEED": ""}),
    _environment("a seed below 0", {"TICKETKIN_SEED": "-1"}),
    _environment("a rank of true", {"TICKETKIN_LORA__RANK": "true"}),
    _environment("an unknown setting", {"TICKETKIN_SED": "5"}),
    _environment("a prefix alone", {"TICKETKIN_": "5"}),
    _environment("a prefix and underscores", {"TICKETKIN____": "5"}),
    _environment("a section alone", {"TICKETKIN_LORA": "5"}),
    _environment("a name of dots", {"TICKETKIN_LORA__": "5"}),
    _environment("terminal escapes", {"TICKETKIN_SEED": "\x1b[31mred"}),
    _environment("bytes that are no UTF-8", {"TICKETKIN_SEED": "\udce9"}),
    _environment("a good seed", {"TICKETKIN_SEED": "5"}, _FINE),
]

TYPED = [
    _typed("a command that is none", "imprt", "a.csv"),
    _typed("a command with markup", "[/red]"),
    _typed("a command with terminal escapes", "\x1b[31mred"),
    _typed("an option before every command", "--sed"),
    _typed("nothing to train", "train", "run", "forest"),
    _typed("train nowhere", "train", "nowhere", "lora", end=Outcome((1, 2))),
    _typed("a split that is none", "pairs", "export", "nowhere", "q.json", "--split", "half"),
    _typed("a folder of pairs that is missing", "pairs", "nowhere", end=Outcome((1, 2))),
    _typed("resume nowhere", "run", "--resume", "--out", "nowhere", end=Outcome((1, 2))),
    _typed("resume a file", "run", "--resume", "--out", "a.csv", end=Outcome((1, 2))),
    _typed("evaluate nowhere", "evaluate", "nowhere", end=Outcome((1, 2))),
    _typed("relate nowhere", "relate", "nowhere", "INC1", end=Outcome((1, 2))),
    _typed("relate below a file", "relate", "a.csv/run", "INC1", end=Outcome((1, 2))),
    _typed("families of a file", "families", "a.csv", end=Outcome((1, 2))),
    _typed("ready of a file", "ready", "a.csv", end=Outcome((1, 2))),
    _typed("a tier that is none", "ready", "nowhere", "--tier", "best"),
    _typed("repeat with seeds that are words", "repeat", "nowhere", "--seeds", "a,b", end=Outcome((1, 2))),
    _typed("repeat with a seed below 0", "repeat", "nowhere", "--seeds=-1,2", end=Outcome((1, 2))),
    _typed("tune for no time", "tune", "nowhere", "head", "--minutes", "0"),
    _typed("tune for ever", "tune", "nowhere", "head", "--minutes", "inf", end=Outcome((1, 2))),
    _typed("tune for nan minutes", "tune", "nowhere", "head", "--minutes", "nan", end=Outcome((1, 2))),
    _typed("merge nothing", "merge", "nowhere", "--out", "m", end=Outcome((1, 2))),
    _typed(
        "merge with a strength of inf",
        "merge",
        "nowhere",
        "--out",
        "m",
        "--strength",
        "inf",
        end=Outcome((1, 2)),
    ),
    _typed("compare nothing", "compare", "nowhere", "--on", "nowhere", end=Outcome((1, 2))),
    _typed("compare on a file that is no pairs", "compare", "nowhere", "--on", "a.csv", end=Outcome((1, 2))),
    _typed("help", "--help", end=_FINE),
    _typed("help of a command", "run", "--help", end=_FINE),
    _typed("recipes", "recipes", "--json", end=_FINE),
]

CASES = [*VALUES, *OPTIONS, *FILES, *TYPED]
