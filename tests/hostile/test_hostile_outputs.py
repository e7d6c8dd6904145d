"""Where results go, and what paths are called."""

from pathlib import Path

import pytest
from cases_outputs import CASES
from hostile_case import Case, judge
from hostile_worker import Worker


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_output(case: Case, worker: Worker, tmp_path: Path) -> None:
    judge(case, worker, tmp_path)
