"""Pairs in files: the three shapes, round trips, faults told by row, and what a check finds."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketkin.core.errors import InputError, UnreadableFileError
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
    told = "pair 2 has the label 'cousin', allowed are duplicate, related, causal, none"
    with pytest.raises(InputError, match=told):
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
        ({**COLUMNS, "phases": [1]}, "phases must be 2 whole numbers"),
        ({**COLUMNS, "phases": [1, 7]}, "phases run from 1 to 7"),
        ({**COLUMNS, "categories1": ["x"]}, "categories1 holds 1 values for 2 pairs"),
    ],
)
def test_faults_are_told_with_their_rows(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises((InputError, UnreadableFileError)) as caught:
        _read(tmp_path, content)
    assert message in str(caught.value)


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
    found = check_pairs(_sound()).to_json()
    assert not any(found[name] for name in ("contradictions", "repeats", "near_repeats", "short_or_empty"))
    assert found["n_cleaned"] == 120 and found["sha256"] == _sound().digest()


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
    found = check_pairs(spoilt)
    told = found.to_json()
    # The last row differs in numbers alone: for the words that is the same pair again.
    assert (told["repeats"], told["contradictions"], told["short_or_empty"]) == (2, 2, 2)
    assert told["n_cleaned"] == 119
    assert found.contradictions.nonzero()[0].tolist() == [1, 121]


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
    told = check_pairs(_with(sound, *rows)).to_json()["dominant_templates"]
    assert list(told.values()) == [40] and next(iter(told)).startswith("disk of the host")
