"""Encodings, JSON and JSON Lines."""

from pathlib import Path

import cases_encodings
import cases_json
import pytest
from hostile_case import Case, judge
from hostile_worker import Worker


@pytest.mark.parametrize("case", [*cases_encodings.CASES, *cases_json.CASES], ids=lambda case: case.name)
def test_a_hostile_text(case: Case, worker: Worker, tmp_path: Path) -> None:
    judge(case, worker, tmp_path)
