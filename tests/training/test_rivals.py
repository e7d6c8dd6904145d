"""Choosing a strength on the nearest tickets alone: the screen says among how many."""

import numpy as np
import pytest

from progress_material import KeptLines
from ticketkin.core.tables import FloatArray, Visibility
from ticketkin.training.rivals import EvaluationQueries, RivalSample, sweep_on_sample
from ticketkin.training.settings import StrengthSettings


@pytest.mark.parametrize(("n", "among"), [(6, ""), (60, " among the 8 nearest tickets")])
def test_the_strength_is_chosen_among_the_nearest_and_says_so(n: int, among: str) -> None:
    angles = np.linspace(0, np.pi / 2, n)
    start = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    groups = np.arange(n)
    groups[1] = groups[0]
    judged = EvaluationQueries(np.array([0, 1]), groups, Visibility(n, None))
    texts = [f"text {row}" for row in range(n)]
    sample = RivalSample.of(judged, np.array([0, 1, n - 2, n - 1]), texts, start)

    def embed(_: float, texts: list[str]) -> FloatArray:
        return np.ones((len(texts), 2), dtype=np.float32)

    progress = KeptLines()
    swept = sweep_on_sample(sample, "lora", embed, StrengthSettings(strengths=(0.0, 1.0)), progress)
    assert swept.chosen == 0
    (line,) = progress.lines
    assert line.startswith(f"  strength of lora -> MRR on evaluation links{among}: 0: ")
