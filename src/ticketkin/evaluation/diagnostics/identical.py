"""Two candidates that rank every ticket alike: a change that is zero, or was not loaded."""

from collections.abc import Collection, Mapping
from itertools import combinations

import numpy as np

from ticketkin.core.checks import Check, passed, warning
from ticketkin.core.wording import number_of
from ticketkin.evaluation.retrieval import RetrievalScores

_CODE = "identical_candidates"


def identical_candidates(scores: Mapping[str, RetrievalScores], unmoved: Collection[str]) -> Check:
    """Find candidates that rank all kin alike, though neither had to.

    `unmoved` names those that may stand where they began: of strength 0, or rankings that learned nothing
    beyond the hybrid. Candidates that put all kin first are alike, too, and nothing is wrong with that.
    """
    alike = [
        f"'{one}' and '{other}'"
        for one, other in combinations(scores, 2)
        if not {one, other} & set(unmoved)
        and scores[one].per_query("map").min() < 1
        and all(map(np.array_equal, scores[one].ranks, scores[other].ranks))
    ]
    if not alike:
        return passed(_CODE, f"no two of {number_of(len(scores), 'candidate')} rank every ticket alike")
    return warning(
        _CODE,
        f"{', '.join(alike)} rank every ticket alike. That is not a tie: what was learned is zero, or was "
        "not loaded",
        "examine the run with ticketkin doctor; a learning rate that is too low moves nothing",
    )
