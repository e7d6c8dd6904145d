"""Who labelled the pairs stands in the first sentence of a verdict."""

import pytest

from ticketkin.core.tables import Labeller
from ticketkin.evaluation.labellers import with_labeller
from ticketkin.evaluation.schema import Warning
from ticketkin.evaluation.verdict import Verdict
from ticketkin.evaluation.verdict_words import first_sentence

REASON = "Yes: 'fusion' is better than the untouched model. It finds kin for 80 % of 200 tickets."


def _verdict() -> Verdict:
    warnings = [
        Warning(code="silver_labels", message="word overlap"),
        Warning(code="synthetic", message="made"),
    ]
    return Verdict("fusion", "base", "base", "yes", REASON, [], [], warnings)


@pytest.mark.parametrize(
    ("labeller", "words"),
    [
        ("unknown", "better than the untouched model; nobody has said who labelled these pairs."),
        ("rule", "A rule labelled these pairs, so they prove nothing"),
        ("model", "A model labelled these pairs, so they prove nothing"),
    ],
)
def test_the_first_sentence_says_who_labelled(labeller: Labeller, words: str) -> None:
    verdict = with_labeller(_verdict(), labeller)
    answer, grounds = first_sentence(verdict.reason)
    assert words in answer and "80 % of 200 tickets" in grounds
    assert verdict.warnings[1].message == "made"
    assert (labeller in verdict.warnings[0].message) == (labeller != "unknown")


def test_a_person_goes_without_saying() -> None:
    assert with_labeller(_verdict(), "person") == _verdict()
