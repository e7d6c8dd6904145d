"""A similarity within its query: what lies above it, counted one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ticketkin.ranking.pair_features import relative_features

_TIE = 0.03
similarities = st.floats(-1, 1, width=32)


@given(
    st.lists(similarities, max_size=30), st.lists(similarities, min_size=1, max_size=12), st.integers(0, 3)
)
def test_ranks_count_what_lies_above_and_ties_in_part(
    best: list[float], own: list[float], n_missing: int
) -> None:
    near = np.sort(np.array(best, dtype=np.float32))[::-1]
    source = np.concatenate([near, np.full(n_missing + 1, -np.inf, dtype=np.float32)])[None, :]
    # Some stand in the source's list themselves, and some exactly at the end of a tie.
    asked = np.concatenate([np.array(own, dtype=np.float32), near[:4], near[:4] + np.float32(_TIE / 2)])
    reciprocal = relative_features(asked[None, :], source)[2][0]
    for value, got in zip(asked.tolist(), reciprocal.tolist(), strict=True):
        above = sum(min(1.0, max(0.0, (other - value) / _TIE + 0.5)) for other in near.tolist())
        assert abs(got - 1 / (0.5 + max(above, 0.5))) < 1e-5
