"""CSV files and ids."""

from pathlib import Path

import cases_csv
import cases_ids
import pytest
from hostile_case import Case, judge
from hostile_worker import Worker


@pytest.mark.parametrize("case", [*cases_csv.CASES, *cases_ids.CASES], ids=lambda case: case.name)
def test_a_hostile_csv(case: Case, worker: Worker, tmp_path: Path) -> None:
    if case.skip:
        pytest.skip(case.skip)
    judge(case, worker, tmp_path)
