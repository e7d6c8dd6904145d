"""The published JSON schema is the one the code writes by."""

import json
from pathlib import Path

from ticketkin.evaluation.schema import report_json_schema

SCHEMA = Path(__file__).parents[2] / "docs" / "report.schema.json"


def test_docs_hold_the_current_schema() -> None:
    current = json.loads(SCHEMA.read_text("utf-8"))
    assert current == report_json_schema(), (
        "make it current: python -c 'from ticketkin.evaluation.schema import write_schema; "
        'from pathlib import Path; write_schema(Path("docs/report.schema.json"))\''
    )
