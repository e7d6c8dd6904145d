"""The pairs to judge first: written by a run, filled in by a person, taken back, and counting everywhere."""

import json
import shutil
import sys
from pathlib import Path

import polars as pl
import pytest

from progress_material import KeptLines
from ticketkin.cli.entry import main
from ticketkin.core.errors import InputError
from ticketkin.relations.families import SAID, Tie
from ticketkin.relations.settings import FamilySettings
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows import families
from ticketkin.workflows.answers import how_to_judge
from ticketkin.workflows.artifacts import save_csv
from ticketkin.workflows.configuration import Job, read_job
from ticketkin.workflows.job import check_run, list_stages, run_one_stage
from ticketkin.workflows.run_data import RunData


@pytest.fixture
def run(small_run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(small_run, tmp_path / "run")


def fill_in(run: Path, *kinds: str) -> pl.DataFrame:
    """Fill in the first kinds of to_review.csv as a spreadsheet saves it, and return the file's content."""
    frame = pl.read_csv(run / "to_review.csv", infer_schema=False)
    filled = frame.with_columns(kind=pl.Series([*kinds, *[""] * (frame.height - len(kinds))]))
    filled.write_csv(run / "to_review.csv", separator=";", include_bom=True)
    return filled


def answered(run: Path) -> Job:
    return read_job(run).model_copy(update={"reviewed_file": run / "to_review.csv"})


def kept(run: Path) -> list[Path]:
    return sorted((run / "kept").glob("*/to_review.csv"))


def states(run: Path, job: Job) -> dict[str, str]:
    return {status.stage.name: status.state.value for status in list_stages(run, job)}


def test_a_run_writes_pairs_of_tickets_that_nobody_linked(run: Path) -> None:
    frame = pl.read_csv(run / "to_review.csv", infer_schema=False)
    data = RunData.of(run, read_job(run))
    assert frame["rank"].to_list() == [str(number) for number in range(1, 51)]
    assert set(frame["kind"]) == {None} or set(frame["kind"]) == {""}
    both = [*frame["source"], *frame["target"]]
    assert len(set(both)) == len(both)
    order = data.visibility.order
    at = data.tickets.position
    titles = data.tickets.frame["title"]
    linked = {frozenset(ends) for ends in data.links.frame.select("source", "target").iter_rows()}
    for row in frame.iter_rows(named=True):
        source, target = at[row["source"]], at[row["target"]]
        assert order is None or order[source] > order[target]
        assert data.groups.group[source] != data.groups.group[target]
        assert frozenset((row["source"], row["target"])) not in linked
        assert (row["source_title"], row["target_title"]) == (
            titles[source],
            titles[target],
        )  # masked, as stored
    assert json.loads((run / "to_review.json").read_text())["n_pairs"] == 50


def test_cells_that_a_spreadsheet_would_calculate_get_a_quote_and_umlauts_survive(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    artifact.TO_REVIEW.write(path, pl.DataFrame({"source": ["=1+1", "@x"], "title": ["-2", "Störung"]}))
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert path.read_text("utf-8-sig").splitlines() == ["source,title", "'=1+1,'-2", "'@x,Störung"]
    save_csv(path, pl.DataFrame({"a": ["x"]}))
    assert path.read_bytes() == b"a\nx\n"


def test_answers_become_links_and_everything_after_is_due(run: Path) -> None:
    frame = fill_in(run, "duplicate", "related", "none", "unsure", "caused-by")
    job = answered(run)
    check_run(run, job)
    assert set(states(run, read_job(run)).values()) - {"done"} == {
        "changed"
    }  # to_review.csv alone was edited
    due = states(run, job)
    assert due["import"] == "done"
    assert {due[name] for name in ("links", "to_review", "relations")} == {"changed"}
    progress = KeptLines()
    run_one_stage("links", run, progress, job)
    assert any("review: 4 of 50 pairs judged: 1 duplicate, 1 related, 1 causal, 1 none; 1 unsure" in line
               for line in progress.lines)  # fmt: skip
    stored = read_job(run)
    assert stored.reviewed_file == run / "reviewed.csv"
    written = artifact.LINKS.read(run / artifact.LINKS).frame.filter(pl.col("origin") == "review")
    pairs = frame.select("source", "target").rows()
    cause = (pairs[4][1], pairs[4][0])  # the second ticket caused the first
    assert written.rows() == [
        (*pairs[0], "duplicate", "review"), (*pairs[1], "related", "review"), (*cause, "causal", "review"),
    ]  # fmt: skip
    due = states(run, stored)
    assert due["links"] == "done"
    assert {due[name] for name in ("split", "pairs", "head", "provisional", "verdict", "relations")} == {
        "changed"
    }


def test_none_removes_the_link_between_two_tickets(run: Path, tmp_path: Path) -> None:
    before = RunData.of(run, read_job(run)).links.frame
    source, target = before.select("source", "target").row(0)
    review = tmp_path / "mine.csv"
    review.write_text(f"source,target,kind\n{target},{source},none\n", "utf-8")
    job = read_job(run).model_copy(update={"reviewed_file": review})
    run_one_stage("links", run, KeptLines(), job)
    assert read_job(run).reviewed_file == review  # a file of the user's own is read where it lies
    assert not (run / "reviewed.csv").exists()
    after = artifact.LINKS.read(run / artifact.LINKS).frame
    left = {frozenset(ends) for ends in after.select("source", "target").iter_rows()}
    assert frozenset((source, target)) not in left
    summary = json.loads((run / "links.json").read_text())
    assert summary["n_overruled"] >= 1 and summary["review"]["none"] == 1


def test_answers_that_were_not_given_yet_are_never_replaced(run: Path) -> None:
    fill_in(run, "duplicate", "none")
    content = (run / "to_review.csv").read_bytes()
    for _ in range(2):
        progress = KeptLines()
        run_one_stage("to_review", run, progress)
        assert (run / "to_review.csv").read_bytes() == content and not kept(run)
        assert any("holds 2 answers that this run was not given" in line for line in progress.lines)
    assert states(run, read_job(run))["to_review"] == "done"
    run_one_stage("to_review", run, KeptLines(), answered(run))
    assert [path.read_bytes() for path in kept(run)] == [content]
    again = pl.read_csv(run / "to_review.csv", infer_schema=False)
    asked = {frozenset(ends) for ends in again.select("source", "target").iter_rows()}
    judged = pl.read_csv(run / "reviewed.csv", infer_schema=False).filter(pl.col("kind") != "")
    assert judged.height == 2
    assert not asked & {frozenset(ends) for ends in judged.select("source", "target").iter_rows()}


def test_answers_of_later_rounds_are_added_and_the_later_one_wins(run: Path, tmp_path: Path) -> None:
    frame = fill_in(run, "duplicate", "none", "unsure")
    run_one_stage("to_review", run, KeptLines(), answered(run))
    second = fill_in(run, "related")
    run_one_stage("links", run, KeptLines(), answered(run))
    review = RunData.of(run, read_job(run)).review
    rows = set(review.answers.rows())
    assert rows >= {(*frame.select("source", "target").row(0), "duplicate")}
    assert rows >= {(*second.select("source", "target").row(0), "related")}
    assert (review.answers.height, len(review.unsure)) == (3, 1)
    source, target = frame.select("source", "target").row(1)
    other_run = tmp_path / "other"
    shutil.copytree(run, other_run)
    (other_run / "to_review.csv").write_text(f"source,target,kind\n{target},{source},related\n", "utf-8")
    job = read_job(run).model_copy(update={"reviewed_file": other_run / "to_review.csv"})
    run_one_stage("links", run, KeptLines(), job)
    review = RunData.of(run, read_job(run)).review
    assert (target, source, "related") in review.answers.rows() and review.answers.height == 3


def test_a_fault_is_reported_by_the_row_of_the_file_and_nothing_is_taken_over(run: Path) -> None:
    fill_in(run, "duplicate", "cousin")
    with pytest.raises(
        InputError, match=r"to_review.csv: row 2 has the kind 'cousin', allowed are duplicate"
    ):
        run_one_stage("links", run, KeptLines(), answered(run))
    assert not (run / "reviewed.csv").exists()
    progress = KeptLines()
    run_one_stage("to_review", run, progress)
    assert any("holds answers that can't be read" in line and "row 2" in line for line in progress.lines)


def test_a_run_that_was_moved_finds_the_answers_it_took_over(run: Path) -> None:
    fill_in(run, "duplicate")
    run_one_stage("links", run, KeptLines(), answered(run))
    moved = run.rename(run.parent / "moved")
    run_one_stage("links", moved, KeptLines())
    assert read_job(moved).reviewed_file == moved / "reviewed.csv"


def test_the_screen_names_the_file_and_the_command(run: Path) -> None:
    sentence = how_to_judge(run)
    assert sentence is not None
    path = run / "to_review.csv"
    assert f"To find out more, judge the 50 pairs in {path}" in sentence
    assert sentence.endswith(f"ticketkin run {run} --reviewed {path}")
    (run / "to_review.json").unlink()
    assert how_to_judge(run) is None


def test_no_pairs_are_chosen_where_none_are_asked_for(run: Path) -> None:
    job = read_job(run)
    none = job.model_copy(
        update={
            "settings": job.settings.model_copy(
                update={"review": job.settings.review.model_copy(update={"pairs": 0})}
            )
        }
    )
    assert "to_review" not in states(run, none)
    assert states(run, none)["verdict"] == "done"


def test_the_command_over_the_same_export_goes_on_with_the_run_that_asked(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    fill_in(run, "none")
    export = str(read_job(run).sources[0])
    words = ["ticketkin", "run", export, "--reviewed", str(run / "to_review.csv"), "--dry-run", "--json"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit, match="0"):
        main()
    output = capsys.readouterr()
    assert f"reviewed_file: none -> {run / 'to_review.csv'}" in " ".join(output.err.split())
    due = {stage["stage"]: stage["state"] for stage in json.loads(output.out)}
    assert due["import"] == "done" and due["links"] == "changed"


def test_a_run_folder_in_place_of_an_export_goes_on(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def called(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["ticketkin", "run", *words, "--dry-run", "--json"])
        with pytest.raises(SystemExit):
            main()
        printed = capsys.readouterr()
        return printed.out or " ".join(printed.err.split())

    fill_in(run, "none")
    output = json.loads(called(str(run), "--reviewed", str(run / "to_review.csv")))
    due = {stage["stage"]: stage["state"] for stage in output}
    assert due["import"] == "done" and due["links"] == "changed"
    assert "is a run, and a run goes on by itself" in called(str(run), "--out", str(run.parent / "other"))


def test_a_pair_judged_to_be_no_kin_leaves_what_the_model_says_and_reaches_training(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = fill_in(run, "none", "none")
    first = frame.row(0, named=True)
    at = RunData.of(run, read_job(run)).tickets.position

    def says_all_are_duplicates(_: RunData, __: object) -> list[Tie]:
        rows = frame.select("source", "target").head(3).iter_rows()
        return [Tie(at[source], at[target], "duplicate", SAID, 0.9) for source, target in rows]

    monkeypatch.setattr(families, "_reported_ties", says_all_are_duplicates)
    job = answered(run)
    said = job.settings.model_copy(update={"families": FamilySettings(said=True)})
    told = KeptLines()
    run_one_stage("links", run, told, job)
    for stage in ("split", "pairs", "head", "verdict", "relations"):
        run_one_stage(stage, run, told)
    pairs = artifact.PAIRS.read(run / artifact.PAIRS).frame
    judged = pairs.filter(pl.col("origin") == "review")
    ends = {frozenset(pair) for pair in judged.select("left", "right").iter_rows()}
    assert ends <= {frozenset(pair) for pair in frame.select("source", "target").head(2).iter_rows()}
    assert set(judged["label"]) <= {0}
    kept_job = read_job(run).model_copy(update={"settings": said})
    run_one_stage("families", run, told, kept_job)
    joined = json.loads((run / "families/families.json").read_text())["families"]
    third = frame.row(2, named=True)
    assert any({third["source"], third["target"]} <= set(one["tickets"]) for one in joined)
    assert not any({first["source"], first["target"]} <= set(one["tickets"]) for one in joined)
    assert "2 left out of what the model says" in " ".join(told.lines)
