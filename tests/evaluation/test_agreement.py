"""Cohen's kappa against its definition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketkin.evaluation.agreement import cohens_kappa

ANSWERS = st.sampled_from(["duplicate", "related", "none"])


@given(st.lists(st.tuples(ANSWERS, ANSWERS), min_size=1, max_size=40))
def test_kappa_is_agreement_beyond_chance(pairs: list[tuple[str, str]]) -> None:
    kinds = {answer for pair in pairs for answer in pair}
    if len(kinds) == 1:
        with pytest.raises(ValueError, match="two different answers"):
            cohens_kappa(pairs)
        return
    n = len(pairs)
    seen = sum(one == other for one, other in pairs) / n
    chance = sum(
        sum(pair[0] == kind for pair in pairs) / n * (sum(pair[1] == kind for pair in pairs) / n)
        for kind in kinds
    )
    assert cohens_kappa(pairs) == pytest.approx((seen - chance) / (1 - chance))
