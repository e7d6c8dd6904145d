"""CSV files as spreadsheets, scripts and hands leave them."""

from pathlib import Path

import pytest

from cases_csv import CASES
from hostile_case import Case, judge
from hostile_worker import Worker


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_csv(case: Case, worker: Worker, tmp_path: Path) -> None:
    if case.skip:
        pytest.skip(case.skip)
    judge(case, worker, tmp_path)
