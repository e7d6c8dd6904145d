"""The best of one source, whatever the last digits of their similarities."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from ticketkin.ranking.best import SAME, best_places

# Steps of single precision above one half: seventeen of them are 1e-6, but for rounding.
STEP = np.spacing(np.float32(0.5))


@given(st.lists(st.sampled_from([0, 5, 17, 22, 34, 40]), min_size=1, max_size=30), st.integers(1, 12))
@example([0, 23, 40, 40, 40], 4)
def test_as_many_are_taken_as_there_are_and_none_is_far_below_one_left_out(steps: list[int], n: int) -> None:
    values = np.float32(0.5) + np.array(steps, dtype=np.float32) * STEP
    opened, identity = np.zeros(len(values), dtype=np.int64), np.arange(len(values))
    places = best_places(values, opened, identity, n)
    assert len(places) == len(set(places.tolist())) == min(n, len(values))
    left_out = np.setdiff1d(np.arange(len(values)), places)
    if len(left_out):
        assert values[left_out].max() - values[places].min() <= 2 * SAME + 2 * STEP
