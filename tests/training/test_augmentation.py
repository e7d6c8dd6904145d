"""Altered texts: what each method may change, and where the new positives go."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tuning_material import SETTINGS, tuning_data

from ticketkin.core.errors import MissingInputError, UnreadableFileError
from ticketkin.training.augmentation import (
    augment,
    read_synonyms,
    with_doubles,
    with_swaps,
    with_synonyms,
    without_words,
)
from ticketkin.training.plan import phase_records, plan_steps
from ticketkin.training.settings import AugmentSettings

WORD_TEXTS = st.lists(st.text("abcäß0", min_size=1, max_size=5), min_size=1, max_size=30).map(" ".join)


@given(text=WORD_TEXTS, share=st.floats(0.05, 0.5), seed=st.integers(0, 99))
def test_each_method_changes_what_it_says(text: str, share: float, seed: int) -> None:
    words = Counter(text.split(" "))
    n = sum(words.values())
    touched = max(1, round(share * n))
    fewer = without_words(text, share, np.random.default_rng(seed)).split(" ")
    assert len(fewer) == (n if n == 1 else n - touched) and not Counter(fewer) - words
    assert Counter(with_swaps(text, share, np.random.default_rng(seed)).split(" ")) == words
    more = Counter(with_doubles(text, share, np.random.default_rng(seed)).split(" "))
    assert sum(more.values()) == n + touched and set(more) == set(words)


@pytest.mark.parametrize("placement", ["mixed", "own-phase"])
def test_copies_stand_behind_the_originals(placement: str) -> None:
    data = tuning_data()
    settings = AugmentSettings(methods=("deletion", "swap", "duplication"), share=1.5, placement=placement)
    augmented = augment(data, settings, 3, offline=True)
    again = augment(data, settings, 3, offline=True)
    n, new = len(data.left), augmented.data
    assert new.digest() == again.data.digest() != data.digest()
    assert sum(augmented.added.values()) == len(new.left) - n > n
    assert new.texts[: len(data.texts)] == data.texts
    np.testing.assert_array_equal(new.left[:n], data.left)
    copies = slice(n, None)
    assert (new.right[copies] >= len(data.texts)).all()
    np.testing.assert_array_equal(new.group_of_row[new.right[copies]], new.group[copies])
    assert all(new.texts[row] not in data.texts for row in new.right[copies]) or augmented.added["swap"]
    np.testing.assert_array_equal(new.labels, data.labels)
    expected = {0} if placement == "own-phase" else {1, 2, 3}
    assert set(new.phase[copies]) == expected


def test_a_phase_of_its_own_comes_first_and_once() -> None:
    data = augment(
        tuning_data(), AugmentSettings(methods=("duplication",), placement="own-phase"), 3, offline=True
    ).data
    lengths = np.ones(len(data.texts), dtype=np.int64)
    steps = plan_steps(data, lengths, SETTINGS, 0)
    own = np.flatnonzero(data.phase == 0)
    first = [step for step in steps if step.phase == 0]
    np.testing.assert_array_equal(np.sort(np.concatenate([step.positives for step in first])), own)
    later = np.concatenate([step.positives for step in steps if step.phase > 0])
    assert not set(later.tolist()) & set(own.tolist())
    assert [step.phase for step in steps] == sorted(step.phase for step in steps)
    assert [phase.positives for phase in phase_records(data, steps)] == [len(own), 10, 20, 30]


def _wordnet(folder: Path) -> Path:
    folder.mkdir()
    lines = {
        "data.noun": "  1 licence\n00001740 06 n 02 printer 0 printing_machine 0 000 | prints  \n",
        "data.verb": "00001741 30 v 02 Crash 0 break_down 1 000 | stops  \n",
        "data.adj": "00001742 00 a 02 slow 0 sluggish(a) 0 000 | not quick  \n",
        "data.adv": "",
    }
    for name, content in lines.items():
        (folder / name).write_text(content)
    return folder


def test_synonyms_come_from_a_local_wordnet(tmp_path: Path) -> None:
    synonyms = read_synonyms(_wordnet(tmp_path / "dict"))
    assert synonyms["printer"] == ["printing machine"] and synonyms["crash"] == ["break down"]
    assert synonyms["slow"] == ["sluggish"]
    changed = with_synonyms("The Printer, upstairs.", synonyms, 0.5, np.random.default_rng(0))
    assert changed == "The printing machine, upstairs."
    assert with_synonyms("nothing known", synonyms, 0.5, np.random.default_rng(0)) == "nothing known"
    settings = AugmentSettings(methods=("synonyms",), share=1, wordnet=str(tmp_path / "dict"))
    data = tuning_data()
    augmented = augment(data, settings, 0, offline=True)
    holders = [row for row in data.right if {"printer", "slow", "crash"} & set(data.texts[row].split())]
    assert augmented.added == {"synonyms": len(holders)} and holders


def test_a_wordnet_that_is_none_says_so(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no such file; augment.wordnet must be the folder"):
        read_synonyms(tmp_path)
    folder = _wordnet(tmp_path / "dict")
    (folder / "data.verb").write_text("this is no WordNet\n")
    with pytest.raises(UnreadableFileError, match=r"data.verb: line 1 is not one of WordNet's"):
        read_synonyms(folder)


def test_methods_without_what_they_need_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"needs augment\.wordnet"):
        AugmentSettings(methods=("synonyms",))
    with pytest.raises(ValidationError, match=r"needs two augment\.translators, there and back; 1 given"):
        AugmentSettings(methods=("back-translation",), translators=("one",))
