"""Labels that contradict each other are listed, filled in by a person, and taken back as a review."""

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ticket_material import make_tickets
from ticketkin.cli.entry import main
from ticketkin.core.errors import MissingInputError, OutputRefusedError
from ticketkin.core.tables import LINKS_SCHEMA, PAIRS_SCHEMA, Links, Pairs
from ticketkin.pairs.given import NO_PAIRS
from ticketkin.tickets.reviewed import read_reviewed
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job, write_job
from ticketkin.workflows.conflicts import conflict_table, conflicts_of_run

# T0 = T1 = T2 are duplicates; T3 and T4 were given two kinds; T5 … T8 hold two texts twice.
_LINKS = [
    ("T1", "T0", "duplicate", "duplicate_of"),
    ("T2", "T1", "duplicate", "file"),
    ("T3", "T4", "causal", "caused_by"),
    ("T4", "T3", "duplicate", "parent"),
    ("T9", "T3", "related", "problem"),
    ("T9", "T3", "duplicate", "file"),
]
_PAIRS = [
    ("T5", "T6", 1, "file"),
    ("T8", "T7", 0, "given"),
    ("T0", "T2", 0, "given"),
    ("T0", "T9", 0, "random"),
]
_TITLES = ["mail", "mail again", "mail", "vpn", "=cmd", "fax", "door", "fax", "door", "scanner"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run, review = tmp_path / "my run", tmp_path / "reviewed.csv"
    run.mkdir()
    review.write_text("source,target,kind\nT2,T0,related\n", "utf-8")
    write_job(Job(sources=(tmp_path / "export.csv",), reviewed_file=review), run)
    tickets = make_tickets(len(_TITLES), title=_TITLES, description=["text"] * len(_TITLES))
    artifact.TICKETS.write(run / artifact.TICKETS, tickets)
    artifact.LINKS.write(
        run / artifact.LINKS, Links(pl.DataFrame(_LINKS, schema=dict(LINKS_SCHEMA), orient="row"))
    )
    artifact.GIVEN_PAIRS.write(run / artifact.GIVEN_PAIRS, NO_PAIRS)
    left, right, labels, origins = zip(*_PAIRS, strict=True)
    frame = pl.DataFrame({
        "left": left, "right": right, "label": labels, "kind": ["duplicate"] * 4,
        "phase": [1] * 4, "split": ["train"] * 4, "origin": origins,
        "lexical_similarity": [0.5] * 4, "base_similarity": [0.5] * 4,
    }, schema=dict(PAIRS_SCHEMA))  # fmt: skip
    artifact.PAIRS.write(run / artifact.PAIRS, Pairs(frame))
    return run


def _run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["ticketkin", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def test_each_contradiction_is_listed_with_who_said_what(folder: Path) -> None:
    listed = conflicts_of_run(folder)
    by_conflict: dict[int, list[tuple[str, str, str]]] = {}
    for pair in listed:
        by_conflict.setdefault(pair.conflict, []).append((pair.source, pair.target, pair.stated))
        assert pair.kind == ""
    assert by_conflict == {
        1: [("T3", "T4", "causal (caused_by), duplicate (parent)")],
        2: [
            ("T2", "T0", "related (review)"),
            ("T2", "T1", "duplicate (file)"),
            ("T1", "T0", "duplicate (duplicate_of)"),
        ],
        3: [("T5", "T6", "duplicate (file)"), ("T8", "T7", "not kin (given)")],
        4: [("T0", "T2", "not kin (given)")],
    }
    whys = list(dict.fromkeys(pair.why for pair in listed))
    assert whys == [
        "given two kinds", "judged to be no duplicates, but duplicates join them",
        "the same texts, labelled kin and not kin", "called not kin, but duplicates join them",
    ]  # fmt: skip
    assert listed[1].over == "T1" and (listed[0].source_title, listed[0].target_title) == ("vpn", "=cmd")
    assert (listed[0].source_row, listed[0].target_row) != (0, 0)


def test_the_file_is_filled_in_and_taken_back(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "conflicts.csv"
    assert _run(["pairs", "conflicts", str(folder), "--out", str(out)], monkeypatch) == 0
    shown = capsys.readouterr().out
    assert "1. given two kinds" in shown and "T3 and T4: causal (caused_by), duplicate (parent)" in shown
    assert f"ticketkin run '{folder}' --reviewed {out}" in shown
    frame = pl.read_csv(out, infer_schema=False)
    assert frame["target_title"][0] == "'=cmd"  # no formula of a spreadsheet
    filled = frame.with_columns(
        kind=pl.when((pl.col("source") == "T3") & (pl.col("target") == "T4"))
        .then(pl.lit("causal"))
        .otherwise(pl.lit(""))
    )
    filled.write_csv(out)
    review = read_reviewed(out, artifact.TICKETS.read(folder / artifact.TICKETS))
    assert review.answers.rows() == [("T3", "T4", "causal")] and review.n_empty == 5
    assert _run(["pairs", "conflicts", str(folder), "--out", str(out)], monkeypatch) == (
        OutputRefusedError.exit_code
    )


def test_what_a_review_has_settled_is_no_contradiction_any_more(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "reviewed.csv").write_text("source,target,kind\nT3,T4,causal\n", "utf-8")
    assert [pair.conflict for pair in conflicts_of_run(folder)] == [1, 1, 2]
    assert conflict_table([]).columns[:3] == ["conflict", "source", "target"]


def test_json_and_nothing_to_list(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["pairs", "conflicts", str(folder), "--json"], monkeypatch) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [one["conflict"] for one in printed] == [1, 2, 2, 2, 3, 3, 4] and printed[0]["stated"]
    (tmp_path / "reviewed.csv").write_text("source,target,kind\nT3,T4,causal\n", "utf-8")
    (folder / artifact.PAIRS).unlink()
    out = tmp_path / "none.csv"
    assert _run(["pairs", "conflicts", str(folder), "--out", str(out)], monkeypatch) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert shown == f"No labels contradict each other. Nothing is to be filled in, so {out} was not written."
    assert not out.exists()
    (folder / artifact.LINKS).unlink()
    assert _run(["pairs", "conflicts", str(folder)], monkeypatch) == MissingInputError.exit_code
    assert "ticketkin links" in capsys.readouterr().err


def test_the_checks_name_the_command_with_the_path_of_the_run() -> None:
    from ticketkin.cli.verdict_screens import about_run
    from ticketkin.evaluation.diagnostics.labels import LabelledPairs, label_conflicts

    frame = pl.DataFrame({"label": [0], "split": ["train"]})
    pairs = LabelledPairs(frame, np.array([0]), np.array([1]), ["a b", "c d"], np.array([0, 0]))
    advice = next(iter(label_conflicts(pairs))).advice
    assert about_run(advice, Path("runs/my june")).startswith(
        "list them: ticketkin pairs conflicts 'runs/my june';"
    )
