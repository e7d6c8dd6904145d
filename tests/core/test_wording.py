"""Counts, percentages and time spans in sentences, and that no other code writes counts by hand."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ticketkin.core.wording import measured_seconds, number_of, percent, time_span

_PACKAGE = Path(__file__).parents[2] / "src" / "ticketkin"
_NOUNS = (
    "answers|artifacts|candidates|categories|causes|cells|characters|checks|clusters|columns|"
    "conditions|days|dimensions|duplicates|epochs|families|fields|files|folds|groups|hours|"
    "ids|kinds|layers|lines|links|losses|metrics|minutes|models|modules|months|numbers|ones|"
    "pairs|parts|passes|people|pieces|processes|queries|questions|records|references|repeats|"
    "requests|rounds|rows|runs|seconds|sources|splits|steps|strangers|strengths|suggestions|"
    "tensors|texts|tickets|tokens|trainings|trials|tries|values|weeks|weights|words|years"
)
_NOUN = re.compile(rf"^ (?:(?!by |of |in )[a-z-]+ ){{0,2}}?(?:{_NOUNS})\b")
# In a template the value stands before its noun: `{{ n }} tickets`.
_IN_TEMPLATE = re.compile(rf"\}}\}} (?:(?!by |of |in )[a-z-]+ ){{0,2}}?(?:{_NOUNS})\b")
_CHOSEN_BY_HAND = re.compile(r"""(["'])(?:s|es|ies)\1 if |(?:==|!=|>) 1 else (["'])(?:s|es|y|ies)\2""")


@pytest.mark.parametrize(
    ("n", "words", "expected"),
    [
        (0, ("ticket",), "0 tickets"),
        (1, ("ticket",), "1 ticket"),
        (np.int64(1), ("kin group",), "1 kin group"),
        (12_345, ("kin group",), "12,345 kin groups"),
        (2, ("query",), "2 queries"),
        (2, ("day",), "2 days"),
        (2, ("forward pass",), "2 forward passes"),
        (2, ("batch",), "2 batches"),
        (1, ("person", "people"), "1 person"),
        (3, ("person", "people"), "3 people"),
        (1, ("link was", "links were"), "1 link was"),
        (1_000, ("link was", "links were"), "1,000 links were"),
    ],
)
def test_a_count_agrees_with_its_noun(n: int, words: tuple[str, ...], expected: str) -> None:
    assert number_of(n, *words) == expected


def test_a_fraction_is_no_count() -> None:
    with pytest.raises(TypeError):
        number_of(1.5, "ticket")  # type: ignore[arg-type]


def test_a_share_in_percent() -> None:
    assert [percent(0.1234), percent(0.1234, 1), percent(1.0)] == ["12 %", "12.3 %", "100 %"]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.2, "less than a second"),
        (1.0, "1 second"),
        (40, "40 seconds"),
        (89, "89 seconds"),
        (90, "2 minutes"),
        (12 * 60 + 20, "12 minutes"),
        (3 * 3_600, "3 hours"),
        (26 * 3_600, "26 hours"),
        (3 * 86_400, "3 days"),
    ],
)
def test_a_time_span_in_one_unit(seconds: float, expected: str) -> None:
    assert time_span(seconds) == expected


def test_a_measured_duration() -> None:
    shown = [measured_seconds(seconds) for seconds in (0.04, 9.96, 59.4, 59.6, 200, 3_900)]
    assert shown == ["0.0 s", "10 s", "59 s", "1 min 00 s", "3 min 20 s", "1 h 05 min"]


def test_no_count_is_put_before_its_noun_by_hand() -> None:
    assert list(_counts_by_hand()) == [], (
        "write them with number_of of core/wording.py, in a template its filter"
    )


def _counts_by_hand() -> Iterator[str]:
    for path in sorted(_PACKAGE.rglob("*.py")):
        code = path.read_text("utf-8")
        where = path.relative_to(_PACKAGE)
        yield from (f"{where}: {match.group()}" for match in _CHOSEN_BY_HAND.finditer(code))
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.JoinedStr):
                yield from (f"{where}:{node.lineno}: {text}" for text in _in_string(node))
    for path in sorted(_PACKAGE.rglob("*.html")):
        template = path.read_text("utf-8")
        yield from (f"{path.name}: {match.group()}" for match in _IN_TEMPLATE.finditer(template))
        yield from (f"{path.name}: {match.group()}" for match in _CHOSEN_BY_HAND.finditer(template))


def _in_string(node: ast.JoinedStr) -> Iterator[str]:
    """Return the values of an f-string that are counts and stand before a noun in the plural."""
    for value, after in zip(node.values, node.values[1:], strict=False):
        if isinstance(value, ast.FormattedValue) and isinstance(after, ast.Constant):
            noun = _NOUN.match(str(after.value))
            if noun and _is_count(value):
                yield f"{{{ast.unparse(value.value)}}}{noun.group()}"


def _is_count(value: ast.FormattedValue) -> bool:
    """Return whether a value counts something; constants in capitals are known to be larger than one."""
    code = ast.unparse(value.value)
    if re.fullmatch(r"(?:\w+\.)*_?[A-Z][A-Z_]+", code):
        return False
    has_separators = value.format_spec is not None and ast.unparse(value.format_spec) == "f','"
    counts = r"(?:len|sum|max|min|int|ceil)\(.*|(?:.*[._])?n_\w+|.*\.(?:sum|n_unique)\(\)|.*\.height|n"
    return has_separators or re.fullmatch(counts, code) is not None
