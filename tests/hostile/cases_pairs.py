"""Files of labelled pairs of every wrong shape."""

import json
from pathlib import Path
from typing import Any

from hostile_case import Case, Check, Content, Outcome, given
from hostile_worker import Ended

_REFUSED = Outcome(2, says=("p.json",))
_GOOD = {"text1": "the mail is down", "text2": "no mail since nine", "label": 1}


def _case(
    name: str, content: Content, end: Outcome = _REFUSED, check: Check | None = None, file: str = "p.json"
) -> Case:
    return Case(
        f"pairs: {name}", "pair files", given({file: content}, ["pairs", "check", file, "--json"]), end, check
    )


def _json(name: str, value: Any, end: Outcome = _REFUSED, check: Check | None = None) -> Case:
    return _case(name, json.dumps(value), end, check)


def _columns(name: str, end: Outcome = _REFUSED, **changed: Any) -> Case:
    good = {"texts1": ["the mail is down", "a b c"], "texts2": ["no mail today", "d e f"], "labels": [1, 0]}
    return _json(name, good | changed, end)


def _counts(**expected: int) -> Check:
    def check(_: Path, ended: Ended) -> None:
        output = json.loads(ended.out)
        got = {name: output[name] for name in expected}
        assert got == expected, f"{got}, expected {expected}"

    return check


SHAPES = [
    *(_case(name, content) for name, content in {
        "empty": "", "blanks": " \n ", "no JSON": "pairs", "cut off": json.dumps([_GOOD])[:-5], "binary": bytes(range(256)),
        "null": "null", "a number": "5", "a text": '"text"', "true": "true", "no pairs": "[]", "nothing": "{}",
        "numbers": "[1, 2]", "texts": '["a", "b"]', "lists": '[["a b c", "d e f", 1]]', "nulls": "[null]",
        "NaN": "NaN",
    }.items()),
    _case("nested 100,000 deep", "[" * 100_000 + "]" * 100_000, Outcome(2)),
    _case("UTF-16", json.dumps([_GOOD]).encode("utf-16"), Outcome((0, 2))),
    _case("Windows-1252", '[{"text1": "Drücker läuft nicht", "text2": "a b c", "label": 1}]'.encode("cp1252"), Outcome((0, 2))),
    _case("a mark of UTF-8", "\ufeff" + json.dumps([_GOOD]), Outcome(0)),
    _json("empty objects", [{}, {}]),
    _json("a pair without a label", [{"text1": "a b c", "text2": "d e f"}]),
    _json("a pair without a text", [{"text1": "a b c", "label": 1}]),
    *(_json(f"a label that is {name}", [_GOOD, {**_GOOD, "label": label}]) for name, label in {
        "2": 2, "-1": -1, "half": 0.5, "null": None, "true": True, "a list": [1], "an object": {"a": 1}, "a word": "yes", "empty": "",
    }.items()),
    *(_json(f"a text that is {name}", [{**_GOOD, "text1": text}]) for name, text in {
        "null": None, "a number": 5, "a list": ["a"], "an object": {"a": "b"},
    }.items()),
    _case("a label that is NaN", '[{"text1": "a b c", "text2": "d e f", "label": NaN}]'),
    _case("a label that is Infinity", '[{"text1": "a b c", "text2": "d e f", "label": Infinity}]'),
    _case("a label of 5,000 digits", '[{"text1": "a b c", "text2": "d e f", "label": ' + "7" * 5_000 + "}]"),
    _case("half an emoji", '[{"text1": "a \\ud83d c", "text2": "d e f", "label": 1}]', Outcome((0, 2))),
    _case("terminal escapes", '[{"text1": "a b c", "text2": "d e f", "label": "\\u001b[31mred"}]'),
    _case("a label with markup", '[{"text1": "a b c", "text2": "d e f", "label": "[/red]"}]', Outcome(2, says=(r"\[/red\]",))),
    _json("empty texts", [{"text1": "", "text2": " ", "label": 1}], Outcome((0, 2))),
    _json("texts that differ in case alone", [{"text1": "The Mail Is Down", "text2": "the mail is down", "label": 1}], Outcome((0, 2))),
    _columns("texts that are one text", texts1="abc"),
    _columns("texts that are null", texts1=None),
    _columns("texts that are a number", texts1=5),
    _columns("texts that are an object", texts1={"a": 1, "b": 2}),
    _columns("labels that are a text", labels="10"),
    _columns("labels that are null", labels=None),
    _columns("labels that are a number", labels=1),
    _columns("labels that are lists", labels=[[1], [0]]),
    _columns("labels that are objects", labels=[{}, {}]),
    _columns("labels of two sorts", labels=["duplicate", 0]),
    _columns("labels that are texts of numbers", Outcome((0, 2)), labels=["1", "0"]),
    _columns("columns that differ in length", labels=[1]),
    _columns("empty columns", texts1=[], texts2=[], labels=[]),
    _columns("phases that are a text", phases="12"),
    _columns("phases that are texts", phases=["1", "2"]),
    _columns("phases that are true", phases=[True, False]),
    _columns("phases that are lists", phases=[[1], [2, 3]]),
    _columns("phases beyond 3", phases=[1, 9]),
    _columns("phases of 80 bits", phases=[1, 2**80]),
    _columns("phases that are null", Outcome((0, 2)), phases=None),
    _columns("phases that are a number", phases=1),
    _columns("phases that are too few", phases=[1]),
    _columns("categories that are a number", categories1=5),
    _columns("categories that are too few", categories1=["a"]),
    _columns("categories that are a text", categories1="ab"),
    _columns("categories that are objects", Outcome((0, 2)), categories1=[{"a": 1}, None], categories2=["a", "b"]),
    *(_json(f"positive pairs that are {name}", {"positive_pairs": pairs}) for name, pairs in {
        "a number": 5, "a text": "abc", "null": None, "an object": {"a": ["b", "c"]}, "numbers": [1, 2], "texts": ["abc", "de"],
        "lists of one": [["a"]], "lists of numbers": [[1, 2]], "lists of nulls": [[None, None]], "empty": [],
    }.items()),
    _json("negative pairs alone", {"negative_pairs": [["a b c", "d e f"]]}, Outcome((0, 2))),
    _json("pairs of three", {"positive_pairs": [["a b c", "d e f", "g h i"]]}, Outcome((0, 2))),
    _json(
        "pairs that differ in a number",
        [
            {"text1": "VPN error 721 on site 4", "text2": "client shows error 721 again", "label": 1},
            {"text1": "VPN error 809 on site 4", "text2": "client shows error 809 again", "label": 1},
            {"text1": "VPN error 691 on site 4", "text2": "client shows error 809 again", "label": 0},
        ],
        Outcome(0),
        _counts(contradictions=0, repeats=0, n_cleaned=3),
    ),
    _json(
        "the same pair with both labels",
        [_GOOD, {**_GOOD, "label": 0}, {"text1": "a b c d", "text2": "e f g h", "label": 1}],
        Outcome(0),
        _counts(contradictions=2, n_cleaned=1),
    ),
    _json(
        "the same pair both ways round",
        [_GOOD, {"text1": _GOOD["text2"], "text2": _GOOD["text1"], "label": 1}],
        Outcome(0),
        _counts(repeats=1, n_cleaned=1),
    ),
    _case("a text of 1 MB", lambda: json.dumps([{**_GOOD, "text1": "word " * 200_000}]).encode(), Outcome(0)),
    _case("a text of a million underscores", lambda: json.dumps([{**_GOOD, "text1": "_" * 1_000_000}]).encode(), Outcome(0)),
    _case("CSV", "text1,text2,label\nthe mail is down,no mail today,1\na b c d,e f g h,0\n", Outcome(0), file="p.csv"),
    _case("CSV without labels", "text1,text2\na b c,d e f\n", Outcome(2), file="p.csv"),
    _case("CSV of wrong labels", "text1,text2,label\na b c,d e f,maybe\n", Outcome(2), file="p.csv"),
    _case("CSV with a ragged line", "text1,text2,label\na b c,d e f,1\ng h i,1\nj k l,m n o,0\n", Outcome((0, 2), says=(r"\b1\b|row 2|line 3",)), file="p.csv"),
    _case("CSV of other columns", "a,b,c\n1,2,3\n", Outcome(2), file="p.csv"),
    _case("CSV with an unclosed quote", 'text1,text2,label\na b c,d e f,1\n"g h i,j k l,0\nm n o,p q r,1\n', Outcome((0, 2)), file="p.csv"),
    _case("an unknown suffix", "a b c", Outcome(2), file="p.docx"),
    _case("a pickle", b"cos\nsystem\n(S'touch exploded'\ntR.", Outcome(2), file="p.pkl"),
    Case("pairs: missing", "pair files", given({}, "pairs check nowhere.json"), Outcome(2, says=("nowhere.json",))),
    Case("pairs: a folder", "pair files", given({"p.json/x": ""}, "pairs check p.json"), Outcome(2, says=("p.json",))),
    Case("pairs: a name too long", "pair files", given({}, ["pairs", "check", "n" * 300 + ".json"]), Outcome(2)),
    Case("pairs: nowhere", "pair files", given({}, ["pairs", "check", ""]), Outcome(2)),
]  # fmt: skip


def _given(name: str, content: Content, option: str = "--pairs") -> Case:
    files: dict[str, Content] = {"p.json": content, "good.json": json.dumps([_GOOD] * 3)}
    pairs = (
        ["--pairs", "good.json", "--test-pairs", "p.json"] if option == "--test-pairs" else [option, "p.json"]
    )
    command = ["run", *pairs, "--offline", "--out", "run"]
    return Case(f"run on pairs: {name}", "pair files", given(files, command), Outcome(2, says=("p.json",)))


_TEXTS = [f"{('printer', 'screen')[n % 2]} {n // 2}x of floor {n // 2}y fails" for n in range(100)]


def _labelled(kin: int) -> str:
    """Return pairs of which those at a distance of `kin` are labelled kin, and those at the other not."""
    return json.dumps([
        {"text1": _TEXTS[2 * n], "text2": _TEXTS[(2 * n + distance) % 100], "label": int(distance == kin)}
        for n in range(40) for distance in (1, 51)
    ])  # fmt: skip


RUNS = [
    Case(
        "run on pairs: labels the wrong way round",
        "pair files",
        given({"p.json": _labelled(51)}, ["run", "--pairs", "p.json", "--offline", "--out", "run"]),
        Outcome(2, says=("p.json", "no nearer than chance", "wrong way round")),
        may_change=("run/*", "run/*/*"),
    ),
    _given("no JSON", "pairs"),
    _given("null", "null"),
    _given("positive pairs that are a number", '{"positive_pairs": 5}'),
    _given("labels that are null", '{"texts1": ["a"], "texts2": ["b"], "labels": null}'),
    _given("test pairs that are no JSON", "pairs", "--test-pairs"),
    _given("test pairs that are numbers", "[1, 2]", "--test-pairs"),
]

CASES = [*SHAPES, *RUNS]
