"""Dates, columns that have to be recognised, links."""

from pathlib import Path

import cases_links
import cases_values
import pytest
from hostile_case import Case, judge
from hostile_worker import Worker


@pytest.mark.parametrize("case", [*cases_values.CASES, *cases_links.CASES], ids=lambda case: case.name)
def test_a_hostile_value(case: Case, worker: Worker, tmp_path: Path) -> None:
    judge(case, worker, tmp_path)
