"""Copies that no id shows: the test told once more in training, and positives that are their own anchors."""

from dataclasses import replace

import numpy as np
import pytest

from ticketkin.core.checks import Outcome
from ticketkin.evaluation.diagnostics.copies import SplitTexts, copied_test, equal_positives

N_GROUPS, N_WORDS, WIDTH = 120, 30, 16
DRAW = np.random.default_rng(0)


def _telling(event: int, kept: float) -> list[str]:
    """Return words of an event, some of them replaced by words of no event."""
    return [
        f"event{event}word{place}" if DRAW.random() < kept else f"noise{DRAW.integers(400)}"
        for place in range(N_WORDS)
    ]


def _near(vector: np.ndarray, spread: float) -> np.ndarray:
    moved = vector + spread * DRAW.normal(size=WIDTH) / np.sqrt(WIDTH)
    return moved / np.linalg.norm(moved)


@pytest.fixture(scope="module")
def sound() -> SplitTexts:
    """Two tellings of each event; the last third of the events is the test."""
    groups = np.repeat(np.arange(N_GROUPS), 2)
    events = [_near(np.zeros(WIDTH), 1) for _ in range(N_GROUPS)]
    texts = [" ".join(_telling(group, 0.5)) for group in groups]
    embeddings = np.array([_near(events[group], 0.5) for group in groups], dtype=np.float32)
    border = 2 * 2 * N_GROUPS // 3
    kin = np.arange(0, 2 * N_GROUPS, 2)
    return SplitTexts(
        texts, embeddings, groups, np.arange(border), np.arange(border, 2 * N_GROUPS), (kin, kin + 1)
    )


def test_a_sound_split_holds_no_copy(sound: SplitTexts) -> None:
    assert copied_test(sound, 0).outcome is Outcome.PASSED


def test_the_test_in_other_words_is_found_in_training(sound: SplitTexts) -> None:
    again = [" ".join(word if DRAW.random() < 0.8 else "other" for word in sound.texts[row].split())
             for row in sound.test]  # fmt: skip
    moved = [_near(sound.embeddings[row], 0.1) for row in sound.test]
    n = len(sound.texts)
    copies = np.arange(n, n + len(again))
    planted = replace(
        sound,
        texts=[*sound.texts, *again],
        embeddings=np.r_[sound.embeddings, np.array(moved, dtype=np.float32)],
        groups=np.r_[sound.groups, N_GROUPS + sound.groups[sound.test]],  # other ids, and no link between
        train=np.r_[sound.train, copies],
    )
    told = copied_test(planted, 0)
    assert told.outcome is Outcome.FAILED and "by chance 0 %, at most " in told.evidence


def _of_few_topics(seed: int) -> SplitTexts:
    """300 events of 40 topics, told twice; the last 25 are the test, and strangers are near by chance."""
    draw = np.random.default_rng(seed)
    topics = np.repeat(draw.integers(40, size=300), 2)
    moved = draw.normal(size=(40, WIDTH))[topics] + draw.normal(size=(600, WIDTH))
    texts = [
        " ".join(
            f"topic{topic}word{place}" if draw.random() < 0.5 else f"noise{draw.integers(400)}"
            for place in range(N_WORDS)
        )
        for topic in topics
    ]
    embeddings = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
    kin = np.arange(0, 600, 2)
    return SplitTexts(
        texts, embeddings, np.repeat(np.arange(300), 2), np.arange(550), np.arange(550, 600), (kin, kin + 1)
    )


def test_what_few_test_texts_say_of_chance_is_uncertain() -> None:
    assert {copied_test(_of_few_topics(seed), 0).outcome for seed in range(8)} == {Outcome.PASSED}


def test_near_in_meaning_alone_is_no_copy(sound: SplitTexts) -> None:
    one_topic = replace(sound, embeddings=np.tile(sound.embeddings[:1], (len(sound.texts), 1)))
    assert copied_test(one_topic, 0).outcome is Outcome.PASSED


def test_few_texts_tell_nothing(sound: SplitTexts) -> None:
    assert copied_test(replace(sound, test=sound.test[:20]), 0).outcome is Outcome.SKIPPED


@pytest.mark.parametrize(
    ("n_equal", "outcome"), [(10, Outcome.PASSED), (30, Outcome.WARNING), (60, Outcome.FAILED)]
)
def test_positives_that_are_their_anchors_are_counted(n_equal: int, outcome: Outcome) -> None:
    equal = [("Printer 12 is down", "printer 31 is down!")] * n_equal
    check = equal_positives([*equal, *[("Printer is down", "Nothing prints")] * (100 - n_equal)])
    assert check.outcome is outcome and f"{n_equal} of 100" in check.evidence


def test_too_few_positives_tell_nothing() -> None:
    assert equal_positives([("a", "a")] * 5).outcome is Outcome.SKIPPED
