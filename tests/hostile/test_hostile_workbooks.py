"""XLSX, Parquet and XML."""

from pathlib import Path

import pytest
from cases_workbooks import CASES
from hostile_case import Case, judge
from hostile_worker import Worker


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_workbook(case: Case, worker: Worker, tmp_path: Path) -> None:
    judge(case, worker, tmp_path)
