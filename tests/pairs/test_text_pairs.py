"""Pairs in files: the shapes, round trips, faults told by row, and what a check finds."""

import contextlib
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketkin.core.errors import InputError, TicketkinError, UnreadableFileError
from ticketkin.pairs.checking import check_pairs
from ticketkin.pairs.interchange import TextPairs, read_text_pairs, write_text_pairs
from tiny_model import WORDS

COLUMNS = {"texts1": ["a", "b"], "texts2": ["c", "d"], "labels": [1, 0]}


def _read(tmp_path: Path, content: Any) -> TextPairs:
    path = tmp_path / "pairs.json"
    path.write_text(json.dumps(content), "utf-8")
    return read_text_pairs(path)


@pytest.mark.parametrize(
    "content",
    [
        COLUMNS,
        [{"text1": "a", "text2": "c", "label": 1}, {"text1": "b", "text2": "d", "label": 0}],
        [{"text_a": "a", "text_b": "c", "label": 1.0}, {"text_a": "b", "text_b": "d", "label": 0.0}],
        {"positive_pairs": [["a", "c"]], "negative_pairs": [{"text1": "b", "text2": "d"}]},
    ],
)
def test_every_shape_gives_the_same_pairs(tmp_path: Path, content: Any) -> None:
    pairs = _read(tmp_path, content)
    assert (pairs.left, pairs.right, pairs.labels.tolist()) == (["a", "b"], ["c", "d"], [1, 0])


RELATED = {"text1": "a", "text2": "c", "relationship": "Related"}
APART = {"text1": "b", "text2": "d", "relationship": "none"}


@pytest.mark.parametrize(
    "content",
    [
        {"relationship_pairs": [RELATED, APART]},
        [RELATED, APART],
        [{**RELATED, "label": 1}, {**APART, "label": 0}],
        [{**RELATED, "label": "related"}, {**APART, "label": 0}],
        {"texts1": ["a", "b"], "texts2": ["c", "d"], "relationships": ["related", "none"]},
    ],
)
def test_relationships_are_kinds(tmp_path: Path, content: Any) -> None:
    pairs = _read(tmp_path, content)
    assert (pairs.left, pairs.right) == (["a", "b"], ["c", "d"])
    assert (pairs.kinds, pairs.labels.tolist(), pairs.notes) == (["related", "none"], [1, 0], [])


def test_what_a_record_says_beside_its_label_is_read(tmp_path: Path) -> None:
    pairs = _read(tmp_path, [
        {"text1": "a", "text2": "c", "label": 1, "phase": 0, "category1": "mail", "category2": "vpn"},
        {"text_a": "b", "text_b": "d", "label": 0, "phase": 2, "category1": "mail", "category2": None},
    ])  # fmt: skip
    assert pairs.phases is not None and pairs.phases.tolist() == [1, 3]
    assert (pairs.left_categories, pairs.right_categories) == (["mail", "mail"], ["vpn", ""])
    (tmp_path / "p.csv").write_text("text_a,text_b,label,phase,category\na,b,1,2,mail\nc,d,0,3,vpn\n")
    table = read_text_pairs(tmp_path / "p.csv")
    assert table.phases is not None and table.phases.tolist() == [2, 3]
    assert table.left_categories == table.right_categories == ["mail", "vpn"]


def test_one_column_of_categories_is_that_of_both_texts(tmp_path: Path) -> None:
    pairs = _read(tmp_path, {**COLUMNS, "categories": ["mail", ["vpn", "lan"]]})
    assert (pairs.left_categories, pairs.right_categories) == (["mail", "vpn"], ["mail", "lan"])
    with pytest.raises(InputError, match=r"pair 2 has \['x'\] in categories, which is no category"):
        _read(tmp_path, {**COLUMNS, "categories": ["mail", ["x"]]})
    with pytest.raises(InputError, match="categories holds 1 value for 2 pairs"):
        _read(tmp_path, {**COLUMNS, "categories": ["mail"]})


def test_what_is_not_read_is_named(tmp_path: Path) -> None:
    pairs = _read(tmp_path, {**COLUMNS, "weights": [1, 2], "metadata": {"made": "by hand"}})
    assert pairs.notes == [
        "not read of pairs.json, being no text, label, phase or category: metadata, weights"
    ]
    records = [{"text1": "a", "text2": "c", "label": 1, "score": 0.9}]
    assert "score" in _read(tmp_path, {"relationship_pairs": records, "date": "June"}).notes[0]
    assert "date, score" in _read(tmp_path, {"relationship_pairs": records, "date": "June"}).notes[0]


@pytest.mark.parametrize(
    ("grades", "kin_from", "labels"),
    [
        ([0.1, 0.5, 0.9], 0.5, [0, 1, 1]),
        ([1, 3, 5], 4, [0, 0, 1]),
        ([1.5, 4, 5], 4, [0, 1, 1]),
        (["0.1", "0.9", "1"], 0.7, [0, 1, 1]),
        ([0, 1, 1], 4, [0, 1, 1]),  # a test file of 0 and 1 beside a training file of grades
    ],
)
def test_grades_are_read_where_it_is_stated_from_which_one_a_pair_is_kin(
    tmp_path: Path, grades: list[Any], kin_from: float, labels: list[int]
) -> None:
    path = tmp_path / "pairs.json"
    path.write_text(
        json.dumps({"texts1": ["a", "b", "c"], "texts2": ["d", "e", "f"], "labels": grades}), "utf-8"
    )
    pairs = read_text_pairs(path, kin_from)
    assert pairs.labels.tolist() == labels and pairs.kinds is None
    assert any("kin from" in note for note in pairs.notes) == (grades != labels)


@pytest.mark.parametrize(("grades", "shown"), [([0.2, 0.8], "from 0.2 to 0.8"), ([1, 5], "from 1 to 5")])
def test_grades_are_refused_by_name_until_then(tmp_path: Path, grades: list[Any], shown: str) -> None:
    with pytest.raises(InputError, match=rf"If these are grades {shown}, .*pairs\.kin_from=GRADE"):
        _read(tmp_path, {**COLUMNS, "labels": grades})


def test_grades_that_part_nothing_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.json"
    for kin_from, message in ((6, "no pair is kin"), (0.5, "every pair is kin")):
        path.write_text(json.dumps({**COLUMNS, "labels": [3, 5]}), "utf-8")
        with pytest.raises(InputError, match=message):
            read_text_pairs(path, kin_from)
    path.write_text(json.dumps({**COLUMNS, "labels": [3, -1]}), "utf-8")
    with pytest.raises(InputError, match="pair 2 has the grade -1"):
        read_text_pairs(path, 2)


def test_labels_may_name_kinds_in_json_and_in_tables(tmp_path: Path) -> None:
    records = [
        {"text_a": "a", "text_b": "b", "label": "Causal"}, {"text_a": "c", "text_b": "d", "label": "none"},
    ]  # fmt: skip
    pairs = _read(tmp_path, records)
    assert pairs.kinds == ["causal", "none"] and pairs.labels.tolist() == [1, 0]
    write_text_pairs(pairs, tmp_path / "again.json")
    assert read_text_pairs(tmp_path / "again.json").kinds == pairs.kinds
    (tmp_path / "p.csv").write_text("text_a,text_b,label\na,b,causal\nc,d,none\n", "utf-8")
    assert read_text_pairs(tmp_path / "p.csv").kinds == pairs.kinds
    (tmp_path / "q.csv").write_text("text_a,text_b,label\na,b,1\nc,d,0\n", "utf-8")
    plain = read_text_pairs(tmp_path / "q.csv")
    assert plain.kinds is None and plain.labels.tolist() == [1, 0]
    records[1]["label"] = "cousin"
    message = "pair 2 has the label 'cousin', allowed are duplicate, related, causal, none"
    with pytest.raises(InputError, match=message):
        _read(tmp_path, records)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.text(), st.text(), st.integers(0, 1), st.integers(1, 3), st.text()), min_size=1
    )
)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, int, int, str]]
) -> None:
    left, right, labels, phases, categories = map(list, zip(*rows, strict=True))
    phases[0] = 1
    pairs = TextPairs(left, right, np.array(labels), np.array(phases), categories, categories[::-1])
    path = tmp_path_factory.mktemp("pairs") / "p.json"
    write_text_pairs(pairs, path)
    again = read_text_pairs(path)
    assert (again.left, again.right) == (left, right)
    assert again.digest() == pairs.digest()
    assert again.phases is not None and again.phases.tolist() == phases
    assert (again.left_categories, again.right_categories) == (categories, categories[::-1])


def test_phases_may_count_from_zero_and_bear_either_name(tmp_path: Path) -> None:
    phases = _read(tmp_path, {**COLUMNS, "phase_indicators": [0, 2]}).phases
    assert phases is not None and phases.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"pairs": []}, 'holds pairs; allowed are {"texts1"'),
        ([], "holds no pairs"),
        ({**COLUMNS, "labels": [1]}, "columns differ in length"),
        ({**COLUMNS, "labels": [1, 2]}, "pair 2 has the label 2, allowed are 0 and 1"),
        ({**COLUMNS, "labels": [1, "kin"]}, "pair 2 has the label 'kin'"),
        ({**COLUMNS, "labels": [1, True]}, "pair 2 has the label True"),
        ([{"text1": "a", "label": 1}], "pair 1 lacks a text"),
        (["a"], "pair 1 is str, not an object"),
        ({**COLUMNS, "phases": [1]}, "phases holds 1 value for 2 pairs"),
        ({**COLUMNS, "phases": ["1", "2"]}, "pair 1 has the phase '1', which is no whole number; pair 2"),
        ({**COLUMNS, "phases": [1, True]}, "pair 2 has the phase True"),
        ({**COLUMNS, "phases": [[1], [1, 2]]}, "pair 1 has the phase [1]"),
        ({**COLUMNS, "phases": {"1": 2}}, "phases is dict, not a list"),
        ({**COLUMNS, "phases": [1, 10**30]}, "phases run from 1 to 1000"),
        ({**COLUMNS, "phases": [-1, 1]}, "phases run from -1 to 1"),
        ({**COLUMNS, "texts1": "ab"}, "texts1 is str, not a list"),
        ({**COLUMNS, "texts1": 7}, "texts1 is int, not a list"),
        ({**COLUMNS, "texts2": {"a": "b"}}, "texts2 is dict, not a list"),
        ({**COLUMNS, "labels": None}, "labels is NoneType, not a list"),
        ({**COLUMNS, "labels": "10"}, "labels is str, not a list"),
        ({**COLUMNS, "texts1": ["a", None]}, "pair 2 lacks a text"),
        ({**COLUMNS, "texts1": ["a", ["b"]]}, "pair 2 lacks a text"),
        ({**COLUMNS, "labels": [1, None]}, "pair 2 has the label None, allowed are 0 and 1"),
        ({**COLUMNS, "labels": [1, float("nan")]}, "pair 2 has the label nan"),
        ({**COLUMNS, "labels": [1, 0.5]}, "pair 2 has the label 0.5"),
        ({**COLUMNS, "labels": [1, [0]]}, "pair 2 has the label [0]"),
        ({**COLUMNS, "labels": [1, {"label": 0}]}, "pair 2 has the label {'label': 0}"),
        ({**COLUMNS, "labels": ["causal", 1]}, "pair 2 has the label 1, allowed are duplicate"),
        ({**COLUMNS, "labels": [1, "x" * 5_000]}, "pair 2 has the label 'xxx"),
        ({**COLUMNS, "categories2": "ab"}, "categories2 is str, not a list"),
        ({**COLUMNS, "categories2": {"a": 1, "b": 2}}, "categories2 is dict, not a list"),
        ({**COLUMNS, "categories1": ["x", {"y": 1}]}, "pair 2 has {'y': 1} in categories1"),
        ({"positive_pairs": "ab", "negative_pairs": []}, "positive_pairs is str, not a list"),
        ({"positive_pairs": [["a"]], "negative_pairs": []}, "pair 1 is list, not an object"),
        ({"positive_pairs": [[1, 2]]}, "pair 1 lacks a text"),
        ({"positive_pairs": [], "negative_pairs": []}, "holds no pairs"),
        (
            {"positive_pairs": [["a", "b", "c"]]},
            "pair 1 of positive_pairs is a list of 3",
        ),
        (
            {"negative_pairs": [{"text1": "a", "text2": "b", "label": 1}]},
            "pair 1 of negative_pairs has the label 1; leave it out there",
        ),
        (
            {"relationship_pairs": [{**APART, "relationship": "cousin"}]},
            "relationship 'cousin', allowed are",
        ),
        ([RELATED, {**APART, "label": 1}], "pair 2 has the label 1 and the relationship 'none'"),
        (
            {"relationship_pairs": [], "positive_pairs": []},
            "holds positive_pairs, relationship_pairs",
        ),
        (dict.fromkeys(map(str, range(99)), 1), "and 91 more; allowed are"),
        ("texts1", "holds str; allowed are"),
        (None, "holds NoneType; allowed are"),
        ({**COLUMNS, "phases": [1, 7]}, "phases run from 1 to 7"),
        ({**COLUMNS, "categories1": ["x"]}, "categories1 holds 1 value for 2 pairs"),
    ],
)
def test_faults_are_reported_with_their_rows(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises((InputError, UnreadableFileError)) as caught:
        _read(tmp_path, content)
    assert message in str(caught.value)


def _nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("name", ["texts1", "texts2", "labels", "phases", "categories1"])
def test_deep_nesting_is_reported_whatever_it_stands_for(tmp_path: Path, name: str) -> None:
    for value in ([_nested(900), _nested(900)], _nested(900)):
        with pytest.raises(InputError):
            _read(tmp_path, {**COLUMNS, name: value})


def test_numbers_may_be_words_and_words_may_be_in_any_case(tmp_path: Path) -> None:
    for labels in (["1", "0"], [1.0, 0.0], [" 1 ", "0.0"]):
        pairs = _read(tmp_path, {**COLUMNS, "labels": labels})
        assert pairs.labels.tolist() == [1, 0] and pairs.kinds is None
    assert _read(tmp_path, {**COLUMNS, "labels": ["DUPLICATE ", "None"]}).kinds == ["duplicate", "none"]


def test_halves_of_characters_are_joined_or_replaced(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(
        r'{"texts1": ["a \ud83d\ude00"], "texts2": ["b \ud83d"], "labels": [1], "categories1": ["\udc00"]}'
    )
    pairs = read_text_pairs(tmp_path / "p.json")
    assert (pairs.left, pairs.right, pairs.left_categories) == (["a 😀"], ["b �"], ["�"])
    write_text_pairs(pairs, tmp_path / "again.json")
    assert read_text_pairs(tmp_path / "again.json").digest() == pairs.digest()


_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6),
    st.sampled_from(["0", "1", "causal", 0, 1, 2, 1.0, 10**40]),
)  # fmt: skip
_KEYS = st.sampled_from([
    "texts1", "texts2", "labels", "phases", "phase_indicators", "categories1", "categories2",
    "positive_pairs", "negative_pairs", "text1", "text2", "text_a", "text_b", "label", "other",
])  # fmt: skip
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=7),
    max_leaves=25,
)
_COLUMNS_LIKE = st.fixed_dictionaries(
    {"texts1": _VALUES, "texts2": _VALUES, "labels": _VALUES},
    optional={"phases": _VALUES, "categories1": _VALUES, "categories2": _VALUES},
)
_RECORDS_LIKE = st.lists(
    st.fixed_dictionaries(
        {"text1": st.text(max_size=4), "text2": st.text(max_size=4) | _VALUES}, optional={"label": _VALUES}
    ),
    max_size=4,
)


@settings(max_examples=200, deadline=None)
@given(content=st.one_of(_VALUES, _COLUMNS_LIKE, _RECORDS_LIKE))
def test_no_json_raises_anything_but_a_plain_error(
    tmp_path_factory: pytest.TempPathFactory, content: Any
) -> None:
    path = tmp_path_factory.mktemp("pairs") / "p.json"
    path.write_text(json.dumps(content), "utf-8")
    try:
        pairs = read_text_pairs(path)
    except TicketkinError:
        return
    assert len(pairs.left) == len(pairs.right) == len(pairs.labels) > 0
    assert set(pairs.labels.tolist()) <= {0, 1}
    check_pairs(pairs).counts()


@settings(max_examples=80, deadline=None)
@given(content=st.binary(max_size=200), ending=st.sampled_from([".json", ".csv", ".jsonl"]))
def test_no_bytes_raise_anything_but_a_plain_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, ending: str
) -> None:
    _reads_or_is_refused(tmp_path_factory.mktemp("pairs") / f"p{ending}", content)


@settings(max_examples=4, deadline=None)  # a process for each
@given(content=st.binary(max_size=200), ending=st.sampled_from([".xlsx", ".parquet"]))
def test_no_bytes_of_a_workbook_raise_anything_but_a_plain_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, ending: str
) -> None:
    _reads_or_is_refused(tmp_path_factory.mktemp("pairs") / f"p{ending}", content)


def _reads_or_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with contextlib.suppress(TicketkinError):
        read_text_pairs(path)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("text_a,label\na,1\n", r"lacks the column text2 or text_b .*; it has text_a, label"),
        ("text_a,text_b\na,b\n", r"lacks the column label or relationship; it has text_a, text_b"),
        ("a,b\n1,2\n", "lacks the column text1 .*, and text2 .*, and label"),
        ("text_a,text_b,label\na,b,1\nc,d\n", "row 2 can't be read"),
        ("text_a,text_b,label\na,b,1\n\nc,d,yes\n", "row 3 has the label 'yes', allowed are duplicate"),
        ("text_a,text_b,label\na,b,\n", "row 1 has the label"),
    ],
)
def test_faults_of_tables_are_reported_by_row(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "p.csv").write_text(table, "utf-8")
    with pytest.raises(InputError, match=message):
        read_text_pairs(tmp_path / "p.csv")


def test_tables_hold_labels_as_numbers_or_words(tmp_path: Path) -> None:
    import polars as pl

    texts = {"Text_A ": ["a", "c"], "text_b": ["b", "d"]}
    pl.DataFrame({**texts, "label": [1.0, 0.0]}).write_parquet(tmp_path / "p.parquet")
    assert read_text_pairs(tmp_path / "p.parquet").labels.tolist() == [1, 0]
    pl.DataFrame({**texts, "label": ["Related", "none"]}).write_parquet(tmp_path / "q.parquet")
    assert read_text_pairs(tmp_path / "q.parquet").kinds == ["related", "none"]


def test_a_digest_does_not_give_away_what_redaction_takes_out() -> None:
    def digest(secret: str) -> str:
        return TextPairs([f"locked out, password: {secret}"], ["cannot log in"], np.array([1])).digest()

    assert digest("Sommer2024") == digest("Winter2025")


def test_pairs_that_differ_in_a_number_are_other_pairs() -> None:
    texts = ["Printer HP4250 on floor 3 is jammed", "Printer HP4250 on floor 4 is jammed"]
    other = ["paper stuck in the printer again"] * 2
    counts = check_pairs(TextPairs(texts, other, np.array([1, 0]))).counts()
    assert (counts.repeats, counts.contradictions, counts.n_cleaned) == (0, 0, 2)
    counts = check_pairs(TextPairs(texts, other, np.array([1, 1]))).counts()
    assert (counts.repeats, counts.near_repeats, counts.n_cleaned) == (0, 1, 2)
    spaced = TextPairs([texts[0], f" {texts[0].upper()}\n"], other, np.array([1, 1]))
    assert check_pairs(spaced).counts().repeats == 1


def test_one_pair_of_two_kinds_or_directions_contradicts_itself() -> None:
    left, right = ["disk of the host is full"] * 2, ["backup of the host has failed"] * 2
    for kinds in (["duplicate", "causal"], ["related", "none"]):
        labels = np.array([int(kind != "none") for kind in kinds])
        assert check_pairs(TextPairs(left, right, labels, kinds=kinds)).contradictions.all()
    both_ways = TextPairs([left[0], right[0]], [right[0], left[0]], np.array([1, 1]), kinds=["causal"] * 2)
    assert check_pairs(both_ways).contradictions.all()
    same = TextPairs(left, right, np.array([1, 1]), kinds=["causal"] * 2)
    assert check_pairs(same).counts().repeats == 1


def test_texts_without_a_word_can_be_checked() -> None:
    pairs = TextPairs(["1"] * 120, [str(n) for n in range(120)], np.repeat([1, 0], 60))
    assert check_pairs(pairs).counts().short_or_empty == 120


def test_what_is_no_json_says_so(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text("texts1,texts2")
    with pytest.raises(UnreadableFileError, match="is no JSON file"):
        read_text_pairs(tmp_path / "p.json")
    with pytest.raises(UnreadableFileError, match="no such file"):
        read_text_pairs(tmp_path / "q.json")


def _sound(n: int = 60) -> TextPairs:
    """Kin share most of their words, strangers few: what a word overlap can tell."""
    draw = random.Random(0)
    left, right = [], []
    for row in range(2 * n):
        words = draw.sample(WORDS, 8)
        other = draw.sample(words, 6) if row < n else draw.sample([w for w in WORDS if w not in words], 6)
        left.append(" ".join(words))
        right.append(" ".join(other + draw.sample(WORDS, 2)))
    return TextPairs(left, right, np.repeat([1, 0], n))


def _with(pairs: TextPairs, *rows: tuple[str, str, int]) -> TextPairs:
    left, right, labels = zip(*rows, strict=True)
    return TextPairs([*pairs.left, *left], [*pairs.right, *right], np.r_[pairs.labels, labels])


def test_a_sound_set_stays_as_it_is() -> None:
    counts = check_pairs(_sound()).counts()
    assert not counts.contradictions + counts.repeats + counts.near_repeats + counts.short_or_empty
    assert counts.n_cleaned == 120 and counts.sha256 == _sound().digest()


def test_each_fault_is_counted_and_dropped() -> None:
    sound = _sound()
    first = (sound.right[0], sound.left[0])  # the other way round is the same pair
    spoilt = _with(
        sound,
        (*first, 1),
        (sound.left[1], sound.right[1], 0),
        ("", sound.right[2], 0),
        ("two words", sound.right[3], 0),
        (f"{sound.left[4]} 4711", f"{sound.right[4]} (0012345)", 1),
    )
    checked = check_pairs(spoilt)
    counts = checked.counts()
    assert (counts.repeats, counts.contradictions, counts.short_or_empty) == (1, 2, 2)
    assert counts.n_cleaned == 120, "the last row differs in numbers, which tell tickets apart"
    assert checked.near_repeats.nonzero()[0].tolist() == [124]
    assert checked.contradictions.nonzero()[0].tolist() == [1, 121]


def test_flipped_labels_are_suspected() -> None:
    sound = _sound()
    labels = sound.labels.copy()
    labels[[3, 70]] = 1 - labels[[3, 70]]
    noise = check_pairs(TextPairs(sound.left, sound.right, labels)).noise
    assert noise is not None
    assert set(noise.nonzero()[0]) >= {3, 70} and noise.sum() <= 6
    assert check_pairs(_sound(20)).noise is None


def test_a_template_in_most_pairs_is_named() -> None:
    sound = _sound()
    alert = "disk of the host is nearly full since the nightly backup"
    rows = [(f"{alert} {n}", sound.left[n], 0) for n in range(40)]
    templates = check_pairs(_with(sound, *rows)).counts().dominant_templates
    assert list(templates.values()) == [40] and next(iter(templates)).startswith("disk of the host")


def test_a_header_in_the_middle_of_a_pair_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("text_a,text_b,label\na,b,1\ntext_a,text_b,label\nc,d,0\n", "utf-8")
    with pytest.raises(InputError, match=r"row 2 can't be read \(repeats the header"):
        read_text_pairs(path)
