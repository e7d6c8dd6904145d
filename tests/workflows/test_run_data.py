"""Tables a run writes for people."""

from pathlib import Path

import polars as pl

from ticketkin.workflows.artifacts import save_csv


def test_a_cell_that_a_spreadsheet_would_run_is_written_as_text(tmp_path: Path) -> None:
    cells = ["=HYPERLINK(1)", "+1", "-2", "@x", "a=b", None]
    save_csv(tmp_path / "out.csv", pl.DataFrame({"reason": cells, "row": range(6)}))
    read = pl.read_csv(tmp_path / "out.csv")
    assert read["reason"].to_list() == ["'=HYPERLINK(1)", "'+1", "'-2", "'@x", "a=b", None]
    assert read["row"].to_list() == list(range(6))
