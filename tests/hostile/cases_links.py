"""Files of links: kinds in other words, lines that are not like the others, ids that are nowhere."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hostile_case import Case, Check, Content, Outcome, given, near
from hostile_worker import Ended
from workbook import sheet, workbook

_WORDS = ("mail", "network", "printer", "screen", "disk", "password")
_TICKETS = "number,short_description,description\n" + "".join(
    f"INC{n},{word} is down,{word} fails since nine\n" for n, word in enumerate(_WORDS, start=1)
)
_ABSENT_FROM = (7, 8, 9)


def summary(here: Path) -> dict[str, Any]:
    """Return what the stage wrote about its links."""
    written: dict[str, Any] = json.loads((here / "run" / "links.json").read_text("utf-8"))
    return written


def _is(**expected: object) -> Check:
    def check(here: Path, _: Ended) -> None:
        counts = summary(here)
        wrong = {name: counts.get(name) for name, value in expected.items() if counts.get(name) != value}
        assert not wrong, f"{wrong}, expected {expected}; all is {counts}"

    return check


def _n_accounted(counts: dict[str, Any]) -> int:
    """Return how many lines of the file the summary accounts for."""
    if "n_ignored" in counts:
        return int(counts["n_read"])
    return int(counts["n_read"]) + sum(counts["ignored_kinds"].values())


def _all_accounted(n_lines: int, **expected: object) -> Check:
    """Every line of the file is a link that was read or stands among the ignored."""

    def check(here: Path, ended: Ended) -> None:
        counts = summary(here)
        assert _n_accounted(counts) == n_lines, (
            f"{_n_accounted(counts)} of {n_lines} lines are accounted for: {counts}"
        )
        _is(**expected)(here, ended)

    return check


def _case(
    name: str,
    content: Content,
    end: Outcome,
    check: Check | None = None,
    *,
    file: str = "l.csv",
    options: Sequence[str] = (),
) -> Case:
    make = given(
        {"a.csv": _TICKETS, file: content},
        "import a.csv --out run",
        ["links", "run", "--links", file, *options],
    )
    return Case(name, "links", make, end, check, may_change=("run/*", "run/*/*"))


def _numbers(name: str, written: str, links: str) -> Case:
    tickets = "number,short_description,description\n" + "".join(
        f"{1000 + n}{written[1:]},{word} is down,{word} fails\n" for n, word in enumerate(_WORDS, start=1)
    )
    make = given({"a.csv": tickets, "l.csv": links}, "import a.csv --out run", "links run --links l.csv")
    return Case(name, "links", make, Outcome(), _is(n_links=2), may_change=("run/*", "run/*/*"))


_REFUSED = Outcome(2, says=("l.csv",))
_GERMAN = "von,nach,art\nINC1,INC2,Duplikat\nINC2,INC3,verwandt\nINC3,INC4,verursacht\nINC4,INC5,related\n"
_UNKNOWN = "source,target,kind\nINC1,INC2,foo\nINC2,INC3,bar\nINC3,INC4,baz\n"


def _german_kept_apart(here: Path, _: Ended) -> None:
    counts = summary(here)
    assert counts["by_kind"].get("duplicate", 0) <= 1, f"kinds have become duplicates: {counts}"
    assert counts["by_kind"].get("related", 0) >= 1, f"the link that says related is lost: {counts}"
    assert _n_accounted(counts) == 4, f"not every line is accounted for: {counts}"


def _clusters(here: Path, _: Ended) -> None:
    counts = summary(here)
    assert (counts["n_kin_groups"], counts["n_tickets_with_kin"]) == (2, 5), (
        f"the clusters are lost: {counts}"
    )


_MANY = "number,short_description,description\n" + "".join(
    f"INC{n},{_WORDS[n // 20 % 6]} {n // 2}x{n // 2}y fails,since {n // 2}z\n" for n in range(100)
)


def _many(
    name: str, links: str, end: Outcome, check: Check | None = None, options: Sequence[str] = ()
) -> Case:
    """Return the case of links between a hundred tickets, of which each two tell of the same."""
    make = given(
        {"a.csv": _MANY, "l.csv": links},
        "import a.csv --out run",
        ["links", "run", "--links", "l.csv", *options],
    )
    return Case(name, "links", make, end, check, may_change=("run/*", "run/*/*"))


def _rows(distance: int, n: int = 40) -> str:
    return "source,target\n" + "".join(f"INC{2 * n},INC{(2 * n + distance) % 100}\n" for n in range(n))


_ELSEWHERE = "".join(f"PRB{n},PRB{n + 1}\n" for n in range(500))
_WRONG = Outcome(2, says=("l.csv", "no nearer than chance", "links.doubtful=ignore"))

CASES = [
    _many("links to other tickets than meant", _rows(51), _WRONG),
    _many("links to other tickets, which the user wants", _rows(51), Outcome(), _is(n_read=40, n_links=40), ["--set", "links.doubtful=ignore"]),
    _many("links to the right tickets", _rows(1), Outcome(), _is(n_read=40, n_links=40)),
    _many("few links to other tickets", _rows(51, 8), Outcome(), _is(n_links=8)),
    _many("hardly any known id", _rows(51, 2) + _ELSEWHERE, Outcome(2, says=("l.csv", "2 of 502", "PRB0"))),
    _many("few right links in a file of another export", _rows(1, 5) + _ELSEWHERE, Outcome(), _is(n_links=5, n_absent=500)),
    _many("running numbers before the ends", "n,source,target\n" + "".join(f"{n},INC{2 * n},INC{2 * n + 1}\n" for n in range(40)), Outcome(), _is(n_links=40)),
    _many("kinds of one sign, of dots and of quotes", "source,target,kind\nINC0,INC1,duplicate\nINC2,INC3,?\nINC4,INC5,a.b=c\nINC6,INC7,it's\n", Outcome(says=("links.kinds.a b c=related", "links.kinds.it s=related")), _all_accounted(4, by_kind={"duplicate": 1})),
    _many("a hundred kinds", "source,target,kind\nINC0,INC1,duplicate\n" + "".join(f"INC2,INC3,kind {n}\n" for n in range(100)), Outcome(says=("88 more with 88 links",)), _all_accounted(101)),
    _case("German kinds and a known one", _GERMAN, Outcome((0, 2)), _german_kept_apart),
    _case("unknown kinds alone", _UNKNOWN, _REFUSED),
    _case("unknown kinds alone, the columns named", _UNKNOWN, _REFUSED, options=["--link-columns", "source,target,kind"]),
    _case("unknown kinds that a setting explains", _UNKNOWN, Outcome(), _all_accounted(3, by_kind={"duplicate": 1, "related": 1}), options=["--set", "links.kinds.foo=duplicate", "--set", "links.kinds.bar=related", "--set", "links.kinds.baz=ignore"]),
    _case("one known kind among many unknown", "source,target,kind\nINC1,INC2,a\nINC2,INC3,b\nINC3,INC4,c\nINC4,INC5,d\nINC5,INC6,duplicate\n", Outcome((0, 2)), lambda here, _: _only_known(here)),
    _case("kinds in capitals between blanks", "source,target,kind\nINC1,INC2, DUPLICATE \nINC3,INC4,Related To\nINC4,INC5,RELATES TO\n", Outcome(), _all_accounted(3)),
    _case("no kind in some lines", "source,target,kind\nINC1,INC2,duplicate\nINC3,INC4,\nINC4,INC5,related\n", Outcome(), _all_accounted(3)),
    _case("a kind that says to ignore", "source,target,kind\nINC1,INC2,duplicate\nINC3,INC4,ignore\n", Outcome(), _all_accounted(2, by_kind={"duplicate": 1})),
    _case("a kind that a setting calls nonsense", _UNKNOWN, Outcome(2), options=["--set", "links.kinds.foo=nonsense"]),
    _case("a line with too few cells, in links", "source,target,kind\nINC1,INC2,duplicate\nINC3,INC4\nINC5,INC6,duplicate\n", Outcome(says=(near("1", "line|row|record|cells|reject"),)), _is(n_links=2)),
    _case("a line with too many cells, in links", "source,target\nINC1,INC2\nINC3,INC4,x,y\nINC5,INC6\n", Outcome(says=(near("1", "line|row|record|cells|reject"),)), _is(n_links=2)),
    _case("links without a header", "INC1,INC2\nINC3,INC4\nINC5,INC6\n", Outcome((0, 2)), _is(n_links=3)),
    _case("links without a header, with a kind", "INC1,INC2,duplicate\nINC3,INC4,duplicate\nINC5,INC6,related\n", Outcome((0, 2)), _is(n_links=3)),
    _case("one link without a header", "INC1,INC2\n", Outcome((0, 2)), _is(n_links=1)),
    _case("ids and clusters", "id,cluster_id\nINC1,7\nINC2,7\nINC3,7\nINC4,9\nINC5,9\nINC6,8\n", Outcome(), _clusters),
    _case("numbers and groups of duplicates", "number,cluster_id\nINC1,a\nINC2,a\nINC3,a\nINC4,b\nINC5,b\nINC6,c\n", Outcome(), _clusters),
    _case("a link both ways round", "source,target\nINC1,INC2\nINC2,INC1\n", Outcome(), lambda here, _: _once_or_accounted(here)),
    _case("the same link thrice", "source,target\nINC1,INC2\nINC1,INC2\nINC1,INC2\n", Outcome(says=(near("2", "repeat|again|twice|once"),)), _is(n_read=3, n_links=1, n_repeated=2)),
    _case("a link to itself", "source,target\nINC1,INC1\nINC1,INC2\n", Outcome(), _is(n_read=2, n_links=1, n_self=1)),
    _case("links to tickets that are absent", "source,target\nINC1,INC2\n" + "".join(f"INC1,INC{n}\n" for n in _ABSENT_FROM), Outcome(says=(near("3", "absent"),)), _is(n_read=4, n_links=1, n_absent=3)),
    _case("links to absent tickets alone", "source,target\nCHG1,CHG2\nCHG3,CHG4\n", _REFUSED),
    _case("links in a ring", "source,target\nINC1,INC2\nINC2,INC3\nINC3,INC1\n", Outcome(), _is(n_links=3, n_cycles=1)),
    _numbers("whole-number floats in links", "1", "source,target\n1001.0,1002.0\n1003.0,1002.0\n"),
    _numbers("whole numbers in links, floats in tickets", "1.0", "source,target\n1001,1002\n1003,1002\n"),
    _case("blanks around ids in links", "source,target\n INC1 ,INC2 \nINC3, INC4\n", Outcome(), _is(n_links=2)),
    _case("empty cells in links", "source,target\nINC1,INC2\n,INC3\nINC4,\n,\n", Outcome(), _is(n_links=1)),
    _case("an empty file of links", "", _REFUSED),
    _case("a header alone, in links", "source,target\n", _REFUSED),
    _case("one column of links", "source\nINC1\nINC2\n", _REFUSED),
    _case("one column of ids and one of words", "source,word\nINC1,mail\nINC2,disk\n", _REFUSED),
    _case("binary links", b"\x00\x01\x02\xff" * 100, Outcome(2)),
    _case("a pickle of links", b"cos\nsystem\n(S'x'\ntR.", Outcome(2), file="l.pkl"),
    _case("links in JSON", '[{"source": "INC1", "target": "INC2", "kind": "duplicate"}]', Outcome(), _is(n_links=1), file="l.json"),
    _case("links in JSON that are no table", '{"INC1": "INC2"}', Outcome(2), file="l.json"),
    _case("links in XLSX", workbook({"Links": sheet([("source", "target"), ("INC1", "INC2"), ("INC3", "INC4")])}), Outcome(), _is(n_links=2), file="l.xlsx"),
    _case("links with semicolons and in UTF-16", "source;target\nINC1;INC2\n".encode("utf-16"), Outcome(), _is(n_links=1)),
    _case("an unclosed quote in links", 'source,target\nINC1,INC2\n"INC2,INC3\nINC3,INC4\nINC4,INC5\n', Outcome((0, 2)), lambda here, _: _at_least(here, 3)),
    _case("columns of links that are missing", "source,target\nINC1,INC2\n", Outcome(2, says=("l.csv",)), options=["--link-columns", "from,to"]),
    _case("four columns of links", "source,target\nINC1,INC2\n", Outcome(2), options=["--link-columns", "a,b,c,d"]),
    _case("one column of links twice", "source,target\nINC1,INC2\n", Outcome(2), options=["--link-columns", "source,source"]),
    _case("an empty name among the columns of links", "source,target\nINC1,INC2\n", Outcome((0, 2)), options=["--link-columns", ",,"]),
    _case("markup in columns of links", "[/],[red]\n1,2\n", Outcome(2, says=(r"\[/\]",))),
    _case("terminal escapes in kinds", "source,target,kind\nINC1,INC2,\x1b[31mred\nINC2,INC3,duplicate\n", Outcome((0, 2))),
    _case("an address as kind", "source,target,kind\nINC1,INC2,erika.muster@firm.example\nINC3,INC4,duplicate\nINC5,INC6,duplicate\n", Outcome((0, 2), secret=("erika.muster@firm.example",))),
    Case("a file of links that is missing", "links", given({"a.csv": _TICKETS}, "import a.csv --out run", "links run --links nowhere.csv"), Outcome(2), may_change=("run/*",)),
    Case("a file of links that is a folder", "links", given({"a.csv": _TICKETS, "l.csv/x": ""}, "import a.csv --out run", "links run --links l.csv"), Outcome(2), may_change=("run/*",)),
]  # fmt: skip


def _only_known(here: Path) -> None:
    counts = summary(here)
    assert counts["by_kind"] == {"duplicate": 1}, f"unknown kinds have become links: {counts}"
    unknown = {**counts["ignored_kinds"], **counts.get("unknown_kinds", {})}
    assert sum(unknown.values()) == 4, f"not every unknown kind is accounted for: {counts}"


def _once_or_accounted(here: Path) -> None:
    counts = summary(here)
    assert counts["n_read"] == 2, f"not every line is accounted for: {counts}"
    assert counts["n_links"] + counts["n_repeated"] == 2, f"a line is neither a link nor a repeat: {counts}"


def _at_least(here: Path, n_links: int) -> None:
    counts = summary(here)
    assert counts["n_links"] >= n_links, f"links are lost: {counts}"
