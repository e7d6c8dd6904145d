"""A cheaper ranking that could be as good is named, and only then."""

import numpy as np

from ticketkin.evaluation.gains import cheaper_choice
from ticketkin.evaluation.retrieval import RetrievalScores
from ticketkin.evaluation.verdict_words import cheaper_words

PASSES = {"lexical": 0, "base": 1, "fusion": 2}


def scores(ranks: list[int]) -> RetrievalScores:
    n = len(ranks)
    return RetrievalScores(np.arange(n), np.arange(n) // 2, [np.array([rank]) for rank in ranks], 999)


def test_the_cheapest_that_could_be_as_good_is_named() -> None:
    evaluated = {
        "lexical": scores([9] * 40),
        "base": scores([1, 2] * 20),
        "fusion": scores([1, 1, 2, 2] * 10),
    }
    gain = cheaper_choice(evaluated, "fusion", PASSES, 200, 0)
    assert gain is not None and (gain.challenger, gain.baseline) == ("fusion", "base")
    words = cheaper_words(gain, PASSES[gain.baseline], PASSES[gain.challenger])
    assert words.startswith("'base' is cheaper for a new ticket (1 encoder pass, not 2)")
    assert "40 tickets with known kin" in words


def test_of_several_the_cheapest_is_named_though_a_dearer_one_is_nearer() -> None:
    evaluated = {"lexical": scores([1, 2] * 20), "base": scores([1] * 40), "fusion": scores([2, 1] * 20)}
    gain = cheaper_choice(evaluated, "fusion", PASSES, 200, 0)
    assert gain is not None and gain.baseline == "lexical"


def test_nothing_is_named_where_every_cheaper_one_is_worse() -> None:
    evaluated = {"lexical": scores([9] * 40), "base": scores([8] * 40), "fusion": scores([1] * 40)}
    assert cheaper_choice(evaluated, "fusion", PASSES, 200, 0) is None
    assert cheaper_choice(evaluated, "lexical", PASSES, 200, 0) is None
