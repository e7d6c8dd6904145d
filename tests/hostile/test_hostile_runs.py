"""Run folders, caches and encoders that somebody damaged."""

from pathlib import Path

import pytest
from cases_runs import CASES
from hostile_case import Case, judge
from hostile_worker import Worker


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_run(case: Case, worker: Worker, tmp_path: Path, finished: Path) -> None:
    judge(case, worker, tmp_path, finished)
