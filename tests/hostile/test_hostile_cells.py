"""Cells that hang and cells that tell."""

from pathlib import Path

import cases_hangs
import cases_personal
import pytest
from hostile_case import Case, judge
from hostile_worker import Worker


@pytest.mark.parametrize("case", [*cases_hangs.CASES, *cases_personal.CASES], ids=lambda case: case.name)
def test_a_hostile_cell(case: Case, worker: Worker, tmp_path: Path) -> None:
    judge(case, worker, tmp_path)
