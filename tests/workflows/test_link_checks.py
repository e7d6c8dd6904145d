"""Links on a wrong column are refused whichever way they come in; right ones and few ones never are."""

import json
import random
import shlex
import sys
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

from ticketkin.cli.entry import main
from ticketkin.cli.job_options import link_settings
from ticketkin.core.errors import MappingError, TicketkinError
from ticketkin.core.progress import SILENT
from ticketkin.workflows.artifacts import LINK_SUMMARY
from ticketkin.workflows.configuration import Job, load_settings
from ticketkin.workflows.job import run_one_stage
from tiny_model import WORDS

_N_COUPLES = 60


def texts(n_couples: int = _N_COUPLES) -> list[str]:
    """Return two texts about the same for each couple."""
    draw = random.Random(1)
    collected = []
    for _ in range(n_couples):
        common = draw.sample(WORDS, 6)
        collected += [" ".join(common + draw.sample(WORDS, 2)) for _ in range(2)]
    return collected


def right(n: int) -> list[tuple[int, int]]:
    return [(2 * row, 2 * row + 1) for row in range(n)]


def wrong(n: int) -> list[tuple[int, int]]:
    return [(2 * row, (2 * row + 7) % (2 * _N_COUPLES)) for row in range(n)]


def export(folder: Path, columns: dict[str, dict[int, str]] | None = None) -> Path:
    """Write the tickets; `columns` holds cells by column and row."""
    columns = columns or {}
    lines = [",".join(["number", "short_description", *columns])]
    for row, text in enumerate(texts()):
        lines.append(",".join([f"INC{row}", text, *(cells.get(row, "") for cells in columns.values())]))
    path = folder / "incidents.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def links(folder: Path, pairs: list[tuple[int, int]], n_absent: int = 0, kind: str = "duplicate") -> Path:
    path = folder / "links.csv"
    rows = [f"INC{one},INC{other},{kind}" for one, other in pairs]
    rows += [f"CHG{n},CHG{n + 1},{kind}" for n in range(n_absent)]
    path.write_text("\n".join(["source,target,kind", *rows]) + "\n", "utf-8")
    return path


def collect(folder: Path, job: Job) -> dict[str, object]:
    run = folder / f"run{len(list(folder.glob('run*')))}"
    for stage in ("import", "links"):
        run_one_stage(stage, run, SILENT, job)
    written: dict[str, object] = json.loads((run / LINK_SUMMARY).read_text("utf-8"))
    return written


@pytest.mark.parametrize("kind", ["duplicate", "related", "causal"])
def test_a_file_that_joins_other_tickets_is_refused_with_what_was_seen(tmp_path: Path, kind: str) -> None:
    job = Job(sources=(export(tmp_path),), links_file=links(tmp_path, wrong(50), kind=kind))
    with pytest.raises(MappingError, match="no nearer than chance") as caught:
        collect(tmp_path, job)
    message = str(caught.value)
    assert (
        "links that share no ticket" in message and "median similarity" in message and "strangers" in message
    )
    assert "are tickets" in message and "--link-columns" in message
    option = message.rpartition("--set ")[2]
    job = Job(
        sources=job.sources, links_file=job.links_file, settings=load_settings(None, [option], environment={})
    )
    assert collect(tmp_path, job)["n_read"] == 50


@pytest.mark.parametrize("n", [1, 5, 14])
def test_too_few_links_to_tell_are_not_refused(tmp_path: Path, n: int) -> None:
    job = Job(sources=(export(tmp_path),), links_file=links(tmp_path, wrong(n)))
    assert collect(tmp_path, job)["n_links"] == n


def test_hardly_any_known_id_is_refused(tmp_path: Path) -> None:
    job = Job(sources=(export(tmp_path),), links_file=links(tmp_path, wrong(3), n_absent=200))
    with pytest.raises(MappingError, match="hardly any of its links fit") as caught:
        collect(tmp_path, job)
    assert "3 of 203 name two of them" in str(caught.value)
    assert "unknown are e.g. 'CHG0', 'CHG1', 'CHG2'" in str(caught.value)


def test_a_small_export_beside_the_links_of_a_whole_tracker_is_ordinary(tmp_path: Path) -> None:
    job = Job(sources=(export(tmp_path),), links_file=links(tmp_path, right(5), n_absent=2_000))
    summary = collect(tmp_path, job)
    assert (summary["n_links"], summary["n_absent"]) == (5, 2_000)


def test_right_links_are_called_near(tmp_path: Path) -> None:
    job = Job(sources=(export(tmp_path),), links_file=links(tmp_path, right(50)))
    nearness = collect(tmp_path, job)["nearness_of_file"]
    assert isinstance(nearness, dict) and nearness["share_nearer"] > 0.9 and nearness["n_links"] == 50


@pytest.mark.parametrize("column", ["parent_incident", "duplicate_of"])
def test_a_column_of_the_export_that_joins_other_tickets_is_refused(tmp_path: Path, column: str) -> None:
    cells = {one: f"INC{other}" for one, other in wrong(50)}
    with pytest.raises(MappingError, match=r"--map \w+=COLUMN.*links.doubtful=ignore"):
        collect(tmp_path, Job(sources=(export(tmp_path, {column: cells}),)))
    near = {one: f"INC{other}" for one, other in right(50)}
    assert collect(tmp_path, Job(sources=(export(tmp_path, {column: near}),)))["n_links"] == 50


def test_causes_in_columns_may_be_distant(tmp_path: Path) -> None:
    cells = {one: f"INC{other}" for one, other in wrong(50)}
    near = {one: f"INC{other}" for one, other in right(50)}
    source = export(tmp_path, {"caused_by": cells, "duplicate_of": near})
    assert collect(tmp_path, Job(sources=(source,)))["by_kind"] == {"causal": 50, "duplicate": 50}


def pairs(folder: Path, kin: list[tuple[int, int]], strangers: list[tuple[int, int]]) -> Path:
    texts_read = texts()
    rows = [(one, other, 1) for one, other in kin] + [(one, other, 0) for one, other in strangers]
    path = folder / "pairs.json"
    path.write_text(
        json.dumps(
            [
                {"text1": texts_read[one], "text2": texts_read[other], "label": label}
                for one, other, label in rows
            ]
        )
    )
    return path


def test_labels_the_wrong_way_round_are_refused_and_named(tmp_path: Path) -> None:
    job = Job(sources=(), pairs_file=pairs(tmp_path, wrong(50), right(50)))
    with pytest.raises(MappingError, match="the wrong way round") as caught:
        collect(tmp_path, job)
    assert "pairs labelled kin are no nearer than chance" in str(caught.value)
    job = Job(sources=(), pairs_file=pairs(tmp_path, right(50), wrong(50)))
    assert collect(tmp_path, job)["n_links"] == 50


@pytest.fixture
def ticketkin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))

    def call(line: str) -> str:
        monkeypatch.setattr(sys, "argv", ["ticketkin", *shlex.split(line)])
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr()
        assert not stop.value.code, printed.err
        return " ".join((printed.err + printed.out).split())

    return call


def test_the_option_on_the_screen_maps_the_kinds_that_were_left_out(
    tmp_path: Path, ticketkin: Callable[[str], str]
) -> None:
    export(tmp_path)
    rows = [f"INC{one},INC{other},Duplicate" for one, other in right(10)]
    rows += [f"INC{one},INC{other},Sub-task" for one, other in right(30)[10:25]]
    rows += [f"INC{one},INC{other},hängt: a.b" for one, other in right(40)[30:]]
    (tmp_path / "l.csv").write_text("\n".join(["source,target,kind", *rows]), "utf-8")
    ticketkin("import incidents.csv --out run")
    output = ticketkin("links run --links l.csv")
    assert "'Sub-task' 15" in output and "'hängt: a.b' 10" in output
    assert "25 of 35 links read are left out for their kinds" in output
    options = [part.partition("'")[0] for part in output.split("--set '")[1:]]
    assert options == ["links.kinds.Sub-task=related", "links.kinds.hangt a b=related"]
    output = ticketkin("links run " + " ".join(f"--set '{option}'" for option in options))
    assert "35 links (person)" in output and "left out" not in output


def test_the_verdicts_screen_and_the_report_name_kinds_that_are_left_out(
    tmp_path: Path, ticketkin: Callable[[str], str], tiny_encoder_folder: Path
) -> None:
    export(tmp_path)
    rows = [f"INC{one},INC{other},Duplicate" for one, other in right(40)]
    rows += [f"INC{one},INC{other},Child-Issue" for one, other in right(50)[40:]]
    (tmp_path / "l.csv").write_text("\n".join(["source,target,kind", *rows]), "utf-8")
    output = ticketkin(
        f"run incidents.csv --links l.csv --base-model {tiny_encoder_folder} --offline --candidates base "
        "--set evaluation.n_bootstrap=100 --set evaluation.by=split "
        "--set relations.model=logistic --set relations.repeats=1 --out run"
    )
    assert "Warning (links_left_out): 10 of 50 links read are left out for their kinds" in output
    option = "--set 'links.kinds.Child-Issue=related'"
    assert f"left out, no kinship: Child-Issue, 10 links; to use them: {option}" in output
    report = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))
    assert report["links"]["left_out_kinds"] == [
        {"kind": "Child-Issue", "n_links": 10, "why": "no kinship", "option": option}
    ]
    assert option in unescape((tmp_path / "run" / "report.html").read_text("utf-8"))


def test_an_import_tells_the_kinds_in_the_link_columns(
    tmp_path: Path, ticketkin: Callable[[str], str]
) -> None:
    (tmp_path / "j.csv").write_text(
        "Issue key,Summary,Outward issue link (Polaris),Outward issue link (Duplicate)\n"
        "A-1,mail is down,A-2,\nA-2,no mail,,A-1\n"
    )
    output = ticketkin("import j.csv --out t.parquet")
    assert "links in the tickets' columns left out, of unknown kinds: 'Polaris' 1" in output
    assert "--set 'links.kinds.Polaris=related'" in output


def test_a_replay_takes_settings_of_links_alone() -> None:
    assert link_settings("a,b", ["links.doubtful=ignore"]).columns == ("a", "b")
    with pytest.raises(TicketkinError, match="settings of links"):
        link_settings(None, ["lora.rank=8"])
