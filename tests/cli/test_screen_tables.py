"""Tables of the screen: no width cuts a number or breaks it over lines, whichever command prints it."""

import ast
import io
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

import ticketkin
from in_process import run_in_process
from ticketkin.cli.console import SafeConsole, errors, screen
from ticketkin.cli.model_screens import show_leaderboard, show_repeated
from ticketkin.cli.tables import Cell, show_table
from ticketkin.cli.verdict_screens import show_candidates
from ticketkin.core.tables import SplitName
from ticketkin.evaluation.metric_definitions import Place
from ticketkin.evaluation.metrics import METRICS
from ticketkin.reports.leaderboard import decision_cells, leaderboard_cells
from ticketkin.workflows.artifacts import REPORT_JSON
from ticketkin.workflows.comparison import compare_models
from ticketkin.workflows.repeating import Repeated, Spread

INTERVAL = "0.712 [0.651, 0.769]"
MODEL = "sentence-transformers/all-mpnet-base-v2"


def printed(heads: Sequence[str], rows: Sequence[Sequence[Cell]], width: int = 80, **options: object) -> str:
    stream = io.StringIO()
    show_table(SafeConsole(file=stream, width=width), heads, rows, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def test_what_does_not_fit_stands_below_with_the_names_again() -> None:
    heads = ["model", "MRR", "recall", "difference in MRR", "MiB"]
    shown = printed(heads, [[MODEL, INTERVAL, INTERVAL, INTERVAL, "418"], ["base", *[INTERVAL] * 3, "91"]])
    first, second = shown.split("\n\n")
    assert first.count(INTERVAL) == 4 and second.count(INTERVAL) == 2
    assert "MiB" in second and "base" in second
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_a_long_name_is_broken_where_its_parts_end() -> None:
    shown = printed(["model", "MRR", "recall"], [[MODEL, INTERVAL, INTERVAL]], width=70)
    lines = [line.split("  ")[0].strip() for line in shown.splitlines()]
    assert lines == ["model", "sentence-transformers/", "all-mpnet-base-v2"]


def test_where_all_fits_it_is_one_table_of_one_line_a_row() -> None:
    shown = printed(["model", "MRR", "note"], [[MODEL, INTERVAL, "a note"]], width=110, folds=(0, 2))
    assert len(shown.splitlines()) == 2


def test_sentences_fold_between_words_and_styles_stay() -> None:
    evidence = Text("the loss fell from 0.5123 to 0.2456, and all of its values are finite numbers ")
    evidence.append("\n→ nothing to do", style="bold")
    shown = printed(["", ""], [["loss", evidence]], width=40, folds=(1,))
    words = shown.split()
    assert {"0.5123", "0.2456,", "→"} <= set(words) and not shown.startswith("\n")


@given(
    st.integers(1, 120),
    st.lists(st.lists(st.floats(0, 9_999), min_size=3, max_size=3), min_size=1, max_size=4),
)
def test_no_width_cuts_a_number(width: int, values: list[list[float]]) -> None:
    rows = [[MODEL, *(f"{value:,.3f} [0.001, {value:.3f}]" for value in row)] for row in values]
    lines = printed(["model", "one", "two", "three"], rows, width).splitlines()
    for row in rows:
        for cell in row[1:]:
            assert any(cell in line for line in lines)


# What the other screens show is printed by the same function: no other module builds a table.
def test_every_table_is_made_here() -> None:
    sources = Path(ticketkin.__file__).parent
    importing = [
        path.relative_to(sources).as_posix()
        for path in sources.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module in {"rich.table", "rich.columns"}
    ]
    assert importing == ["cli/tables.py"]


def _cut_numbers(shown: str) -> list[str]:
    return re.findall(r"\S*\d\S*…", shown)


@pytest.mark.parametrize("width", [60, 80, 110])
def test_a_comparison_shows_every_number_whole(
    small_run: Path, tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))
    comparison = compare_models(
        [str(small_run / "model")], small_run, str(tiny_encoder_folder), SplitName.EVALUATION, [16]
    )
    stream = io.StringIO()
    show_leaderboard(SafeConsole(file=stream, width=width), comparison, None)
    lines = stream.getvalue().splitlines()
    assert not _cut_numbers(stream.getvalue())
    for row in comparison.rows:
        cells = [*leaderboard_cells(comparison, row), *decision_cells(comparison.decisions[row.name])]
        assert [cell for cell in cells if not any(cell in line for line in lines)] == []


def test_the_candidates_of_a_verdict_show_every_number_whole(small_run: Path) -> None:
    candidates = REPORT_JSON.read(small_run / REPORT_JSON).candidates
    stream = io.StringIO()
    show_candidates(SafeConsole(file=stream, width=80), candidates, in_folds=False)
    assert not _cut_numbers(stream.getvalue())
    for candidate in candidates.values():
        assert str(candidate.evaluation.metric("mrr").interval) in stream.getvalue()


@pytest.mark.parametrize(
    "command",
    [
        ("stages", "RUN"),
        ("run", "RUN", "--dry-run"),
        ("ready", "RUN"),
        ("relations", "RUN", "--ablation"),
        ("doctor", "RUN/model"),
    ],
    ids=lambda words: words[0],
)
def test_commands_cut_no_number_at_80_columns(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
) -> None:  # fmt: skip
    run = Path(shutil.copytree(small_run, tmp_path / "run"))
    for console in (screen, errors):
        monkeypatch.setattr(console, "width", 80)
    words = [word.replace("RUN", str(run)) for word in command]
    done = run_in_process(*words, monkeypatch=monkeypatch, capsys=capsys)
    assert done.returncode in {0, 1} and not done.stderr.startswith("Error"), done.stderr
    assert re.search(r"\d", done.stdout)
    assert not _cut_numbers(done.stdout)


def test_repeated_splits_cut_no_number() -> None:
    spread = Spread(0.7123, 0.0123, 0.6512, 0.7712)
    metrics = dict.fromkeys((metric.name for metric in METRICS.shown_in(Place.REPEATS)), spread)
    gains = {"lora": Spread(0.0123, 0.0045, -0.0012, 0.0234)}
    repeated = Repeated(
        [1, 2, 3], [90, 91, 92], {"base": metrics, "lora": metrics}, gains, {"lora": 2}, {"lora": 3}, None
    )
    stream = io.StringIO()
    show_repeated(SafeConsole(file=stream, width=80), repeated)
    assert not _cut_numbers(stream.getvalue())
    assert stream.getvalue().count("0.712 ± 0.012") == 2 * len(metrics)
    assert "+0.012 (-0.001 to +0.023)" in stream.getvalue()
