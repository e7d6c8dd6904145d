"""Links joined off, drawn at random or labelled the wrong way round, and texts that say too little."""

from dataclasses import replace

import numpy as np
import pytest

from ticket_material import make_tickets
from ticketkin.core.checks import Check, Outcome
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.evaluation.diagnostics.link_quality import (
    JudgedLinks,
    inverted_labels,
    joined_rows,
    link_quality_checks,
    random_links,
)
from ticketkin.evaluation.diagnostics.texts import copied_texts, cut_texts, other_words, thin_texts

N = 600
GROUP = np.random.default_rng(1).permutation(N) // 2  # pairs, filed anywhere


def _links() -> JudgedLinks:
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(N, 16))[GROUP] + 0.7 * draw.normal(size=(N, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    def cosine(left: IntArray, right: IntArray) -> FloatArray:
        return (vectors[left] * vectors[right]).sum(axis=1).astype(np.float32)

    left, right = np.argsort(GROUP, kind="stable").reshape(-1, 2).T
    return JudgedLinks(left, right, np.arange(N), {"base": cosine}, 0)


@pytest.mark.filterwarnings("error")
def test_a_shift_that_leaves_no_link_in_the_file_is_no_better() -> None:
    sound = _links()
    same = np.zeros(200, dtype=np.int64)
    assert joined_rows(replace(sound, left=same, right=same + 1)).outcome is Outcome.PASSED


@pytest.mark.parametrize("shift", [-1, 1, 2])
def test_links_joined_rows_off_are_named(shift: int) -> None:
    sound = _links()
    assert joined_rows(sound).outcome is Outcome.PASSED
    told = joined_rows(replace(sound, right=(sound.right + shift) % N))
    assert told.outcome is Outcome.FAILED and f"{-shift:+d} in the second column" in told.evidence
    assert [check.outcome for check in link_quality_checks(replace(sound, right=(sound.right + 1) % N))] == [
        Outcome.FAILED,
        Outcome.SKIPPED,
    ]
    assert joined_rows(replace(sound, left=sound.left[:9], right=sound.right[:9])).outcome is Outcome.SKIPPED


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_the_share_of_random_links_is_estimated(share: float) -> None:
    sound, draw = _links(), np.random.default_rng(2)
    is_random = draw.random(len(sound.left)) < share
    mixed = replace(sound, right=np.where(is_random, draw.integers(0, N, len(sound.left)), sound.right))
    told = random_links(mixed)
    estimated = int(told.evidence.removeprefix("about ").split(" ")[0]) / 100
    assert abs(estimated - share) < 0.1
    assert (told.outcome is Outcome.WARNING) == (share > 0)


def test_labels_the_wrong_way_round_are_called_inverted() -> None:
    draw = np.random.default_rng(3)
    labels = {name: np.repeat([1, 0], n) for name, n in (("train", 80), ("evaluation", 30), ("holdout", 30))}

    def judged(**lifts: float) -> Check:
        return inverted_labels(
            {name: own * lifts[name] + draw.normal(0, 1, len(own)) for name, own in labels.items()}, labels
        )

    told = judged(train=2, evaluation=2, holdout=-2)
    assert told.outcome is Outcome.FAILED and "more alike than kin in holdout (ROC-AUC" in told.evidence
    assert judged(train=-2, evaluation=1, holdout=1).outcome is Outcome.PASSED  # as hard as can be found
    few = inverted_labels({"holdout": np.arange(9.0)}, {"holdout": np.repeat([1, 0], [4, 5])})
    assert few.outcome is Outcome.SKIPPED


WORDS = ["printer", "mail", "vpn", "login", "screen", "crash", "slow", "report", "invoice", "door", "badge"]


def _text(n: int) -> str:
    draw = np.random.default_rng(n)
    return " ".join(draw.choice(WORDS, 12))


TEXTS = [_text(n) for n in range(300)]
OPENED = [f"2024-{1 + n // 28:02d}-{1 + n % 28:02d} 09:00:00" for n in range(300)]


def test_copies_and_tickets_exported_twice_are_told_apart() -> None:
    tickets = make_tickets(300, opened=OPENED)
    assert copied_texts(tickets, TEXTS).outcome is Outcome.PASSED
    copies = copied_texts(tickets, [*TEXTS[:165], *["disk of a host is full"] * 135])
    assert copies.outcome is Outcome.WARNING and copies.evidence.startswith("finding copies proves little")
    twice = make_tickets(300, opened=[*OPENED[:200], *OPENED[:100]])
    told = copied_texts(twice, [*TEXTS[:200], *TEXTS[:100]])
    assert told.outcome is Outcome.WARNING and "exported twice under several ids" in told.evidence


def test_texts_that_an_export_cut_end_at_one_length() -> None:
    long = [f"{text} {text} {text} {text} {text}"[: 150 + n] for n, text in enumerate(TEXTS)]
    assert cut_texts(make_tickets(300, description=long)).outcome is Outcome.PASSED
    told = cut_texts(make_tickets(300, description=[text[:255] for text in long]))
    assert told.outcome is Outcome.WARNING and "of description end at exactly 255 characters" in told.evidence


def test_categories_in_the_place_of_texts_are_refused_a_proof() -> None:
    assert thin_texts(TEXTS).outcome is Outcome.PASSED
    told = thin_texts([f"software {WORDS[n % 5]}" for n in range(300)])
    assert told.outcome is Outcome.FAILED and "5 different texts among 300 tickets" in told.evidence


def test_a_holdout_in_another_language_is_named() -> None:
    rows = {"train": np.arange(200), "evaluation": np.arange(200, 250), "holdout": np.arange(250, 300)}
    assert other_words(TEXTS, rows).outcome is Outcome.PASSED
    told = other_words([*TEXTS[:250], *["drucker geht nicht mehr seit heute früh"] * 50], rows)
    assert told.outcome is Outcome.WARNING and "written in other words" in told.evidence
