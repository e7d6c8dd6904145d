"""Settings, options and files of pairs."""

from pathlib import Path

import cases_pairs
import cases_settings
import pytest
from hostile_case import Case, judge
from hostile_worker import Worker


@pytest.mark.parametrize("case", [*cases_settings.CASES, *cases_pairs.CASES], ids=lambda case: case.name)
def test_a_hostile_setting(case: Case, worker: Worker, tmp_path: Path) -> None:
    judge(case, worker, tmp_path)
