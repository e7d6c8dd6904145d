"""What import and links say on the screen, and when no silver links are made."""

from contextlib import AbstractContextManager
from pathlib import Path

import polars as pl
import pytest

from ticketkin.core.artifacts import read_json
from ticketkin.core.errors import MappingError
from ticketkin.core.progress import SILENT, Task
from ticketkin.workflows.artifacts import IMPORT_SUMMARY, LINK_SUMMARY
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.importing import import_to_file
from ticketkin.workflows.job import run_one_stage


class KeptLines:
    """Keeps every line said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def task(self, description: str, total: int | None) -> AbstractContextManager[Task]:
        return SILENT.task(description, total)

    def say(self, message: str) -> None:
        self.lines.append(message.strip())


ROWS = (
    "number,short_description,sys_mod_count,bo@example.com",
    "INC1,Mail down ask ada@example.com,0,",
    "INC1,Mail down,1,",
    "INC2,VPN slow,0,",
    "INC2,VPN slow,0,",
    ",,,",
    "INC3,Printer,0,too,many",
    "INC4,Mail is down,0,",
    "INC5,no mail at all,0,",
)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "incidents.csv"
    path.write_text("\n".join(ROWS) + "\n", "utf-8")
    return path


def test_the_import_tells_what_became_of_every_row(tmp_path: Path, export: Path) -> None:
    progress = KeptLines()
    summary = import_to_file(Job(sources=(export,)), tmp_path / "t.parquet", progress)
    assert progress.lines[0] == (
        "8 rows (servicenow): 4 tickets, 1 rejected, 1 joined to an earlier row of the ticket, "
        "1 repeated exactly, 1 blank"
    )
    assert progress.lines[1:3] == [
        f"rejected rows are in {tmp_path / 't.rejected.csv'}:",
        "1: 5 cells where the header has 4",
    ]
    account = "\n".join(progress.lines)
    assert "personal data and secrets replaced: 1 e-mail address" in account
    assert "columns used: number = number, title = short_description" in account
    assert "columns not used: sys_mod_count, [EMAIL]" in account
    assert "example.com" not in account + str(summary)
    assert summary.n_rows == 8

    in_run = KeptLines()
    run_one_stage("import", tmp_path / "run", in_run, Job(sources=(export,)))
    assert [line for line in in_run.lines if "rejected.csv" not in line] == [
        line for line in progress.lines if "rejected.csv" not in line
    ]
    assert IMPORT_SUMMARY.read(tmp_path / "run" / IMPORT_SUMMARY) == summary


def links_of(tmp_path: Path, export: Path, content: str) -> list[str]:
    file = tmp_path / "links.csv"
    file.write_text(content, "utf-8")
    job = Job(sources=(export,), links_file=file)
    run_one_stage("import", tmp_path / "run", SILENT, job)
    progress = KeptLines()
    run_one_stage("links", tmp_path / "run", progress, job)
    return progress.lines


def test_every_lost_link_is_reported(tmp_path: Path, export: Path) -> None:
    lines = links_of(
        tmp_path,
        export,
        "from,to,kind\nINC1,INC4,duplicate\nINC4,INC1,duplicate\nINC1,INC4,duplicate\nINC5,INC5,duplicate\n"
        "INC1,INC9,duplicate\nINC1,INC2,zusammen\nINC1,INC2,sub-task\nINC1,INC2\n",
    )
    assert lines[0] == (
        "8 links read: 2 kept, 1 naming absent tickets, 1 linking a ticket to itself, 1 repeating another, "
        "2 left out, 1 in rows that can't be read"
    )
    account = "\n".join(lines)
    assert "1 link says again, the other way round, what another says" in account
    assert "left out, as they are no kinship: 'sub-task' 1" in account
    assert "left out, of unknown kinds: 'zusammen' 1" in account
    assert "2 links (person), 1 kin group over 2 tickets" in account
    summary = read_json(tmp_path / "run" / LINK_SUMMARY)
    assert summary["n_read"] == 8
    assert summary["unknown_kinds"] == {"zusammen": 1}


def test_a_file_of_links_that_gives_none_is_an_error_and_not_silver(tmp_path: Path, export: Path) -> None:
    with pytest.raises(MappingError, match="gives no link between two imported tickets") as caught:
        links_of(tmp_path, export, "from,to,kind\nINC1,GONE,duplicate\nGONE,INC2,sub-task\n")
    assert "2 links read: 0 kept, 1 naming absent tickets, 1 left out" in str(caught.value)
    assert not (tmp_path / "run" / LINK_SUMMARY).exists()


def test_links_of_other_kinds_stay_where_silver_duplicates_are_made(tmp_path: Path) -> None:
    export, links, run, progress = tmp_path / "e.csv", tmp_path / "l.csv", tmp_path / "run", KeptLines()
    texts = [
        "mail server is down again",
        "printer jams on floor two",
        "vpn asks for a code",
        "screen stays dark",
    ]
    rows = [f"INC{n},{texts[n % 4]}" for n in range(12)]
    export.write_text("\n".join(["number,short_description", *rows]) + "\n", "utf-8")
    # INC0 and INC4 have the same words, and people say that one caused the other.
    links.write_text("effect,cause\nINC4,INC0\nINC1,INC2\n", "utf-8")
    job = Job(sources=(export,), links_file=links)
    for stage in ("import", "links"):
        run_one_stage(stage, run, progress, job)
    frame = pl.read_parquet(run / "links.parquet")
    from_file = frame.filter(pl.col("origin") == "file")
    assert sorted(from_file.select("source", "target", "kind").rows()) == [
        ("INC0", "INC4", "causal"),
        ("INC2", "INC1", "causal"),
    ]
    silver = frame.filter(pl.col("origin") == "silver")
    assert silver.height >= 3
    assert {"INC0", "INC4"} not in [set(ends) for ends in silver.select("source", "target").iter_rows()]
    assert read_json(run / LINK_SUMMARY)["by_kind"] == {"causal": 2, "duplicate": silver.height}
    assert any(
        "no duplicates linked by people (2 links of other kinds kept)" in line for line in progress.lines
    )
