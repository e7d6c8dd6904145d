"""The last weeks as they would have been: ticket by ticket, counted against links."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from scipy.stats import binomtest
from typer.testing import CliRunner

from bundle_material import Judged
from ticketkin.cli.app import app
from ticketkin.core.errors import InputError, NotEnoughDataError, OutputRefusedError
from ticketkin.relations.replay_result import Replay
from ticketkin.relations.scorer import KindScorer
from ticketkin.serving.kin import Kin
from ticketkin.tickets.sample import write_sample
from ticketkin.workflows.replaying import ReplayRequest, replay_export, write_replay


@pytest.fixture(scope="module", autouse=True)
def talkative() -> Iterator[None]:
    """Bands that the tiny encoder reaches: what is said is often wrong, and that is counted."""
    patch, load = pytest.MonkeyPatch(), KindScorer.load

    def lowered(folder: Path) -> KindScorer:
        kinds = load(folder)
        phrase = ("duplicate", "related", "causal")
        bands = replace(kinds.bands, say=dict.fromkeys(phrase, 0.2), suggest=dict.fromkeys(phrase, 0.02))
        return replace(kinds, bands=bands)

    patch.setattr(KindScorer, "load", lowered)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("replay") / "incidents.csv"
    write_sample(path, 200, 3)
    return path


@pytest.fixture(scope="module")
def since(export: Path) -> datetime:
    """When the last third opened."""
    opened = pl.read_csv(export, infer_schema=False)["opened_at"].sort()
    return datetime.fromisoformat(opened[133][:10])


@pytest.fixture(scope="module")
def replayed(judged: Judged, export: Path, since: datetime) -> Replay:
    return replay_export(judged.bundle, ReplayRequest([export], since))


def test_lines_are_the_answers_each_ticket_would_have_got(
    judged: Judged, export: Path, replayed: Replay, tmp_path: Path
) -> None:
    with Kin.open(judged.bundle, tmp_path / "index") as kin:
        kin.add(export)
        asked = dict.fromkeys(line.ticket_id for line in replayed.lines)
        for ticket_id in list(asked)[:10]:
            (answer,) = kin.relate_stored([ticket_id])
            answered = [
                (one.ticket_id, one.kind) for one in answer.relations if one.band in ("say", "suggest")
            ]
            lines = [(line.other_id, line.kind) for line in replayed.lines if line.ticket_id == ticket_id]
            assert answered == lines
    times = [line.opened_at for line in replayed.lines]
    assert times == sorted(times)


def test_numbers_are_counts_of_the_lines(replayed: Replay) -> None:
    for quality in replayed.qualities:
        shown = ("say",) if quality.band == "say" else ("say", "suggest")
        lines = [line for line in replayed.lines if line.kind == quality.kind and line.band in shown]
        right = [line for line in lines if line.linked_as == quality.kind]
        assert (quality.n_lines, quality.n_right) == (len(lines), len(right))
        assert quality.n_tickets_helped == len({line.ticket_id for line in right})
        assert quality.n_tickets_helped <= quality.n_tickets_with_kin
        wrong = 1000 * (len(lines) - len(right)) / replayed.n_judged
        assert quality.false_alarms_per_1000_tickets == pytest.approx(wrong)
        if lines:
            low = binomtest(len(right), len(lines)).proportion_ci(method="wilson").low
            assert quality.precision.low == pytest.approx(low)
    duplicates = next(q for q in replayed.qualities if q.kind == "duplicate")
    assert duplicates.n_tickets_with_kin > 0, "the sample links duplicates"


def test_later_tickets_change_nothing(
    judged: Judged, export: Path, since: datetime, replayed: Replay, tmp_path: Path
) -> None:
    frame = pl.read_csv(export, infer_schema=False).sort("opened_at")
    until = frame["opened_at"][166][:10]
    frame.filter(pl.col("opened_at").str.slice(0, 10) <= until).write_csv(tmp_path / "short.csv")
    short = replay_export(judged.bundle, ReplayRequest([tmp_path / "short.csv"], since))
    known = {line.ticket_id for line in short.lines}
    before = [line for line in replayed.lines if line.opened_at[:10] <= until]
    assert known and [(x.ticket_id, x.other_id, x.kind, x.band) for x in short.lines] == [
        (x.ticket_id, x.other_id, x.kind, x.band) for x in before
    ]


def test_what_was_learned_from_is_no_proof(judged: Judged, export: Path, replayed: Replay) -> None:
    everything = replay_export(judged.bundle, ReplayRequest([export], datetime(1990, 1, 1)))
    assert everything.n_tickets == 200
    for result in (everything, replayed):
        assert 0 <= result.n_learned_from <= result.n_tickets
        assert result.is_proof == (result.n_learned_from < result.n_tickets)
        assert ("flatter" in result.caution) != result.is_proof
        assert result.learned_until


def test_the_command_writes_a_page_that_names_tickets_and_numbers(
    judged: Judged, export: Path, since: datetime, tmp_path: Path
) -> None:
    arguments = ["replay", str(judged.bundle), str(export), "--since", f"{since:%Y-%m-%d}"]
    shown = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "page")])
    assert shown.exit_code == 0, shown.output
    assert "Ticketkin would have" in shown.stdout
    written = json.loads((tmp_path / "page/replay.json").read_text("utf-8"))
    page = (tmp_path / "page/replay.html").read_text("utf-8")
    assert written["headline"] in page and "This page names tickets" in page
    for line in written["lines"][:5]:
        assert line["ticket_id"] in page
    again = CliRunner().invoke(app, [*arguments, "--json"])
    assert json.loads(again.stdout)["qualities"] == written["qualities"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--since", "2099-01-01"], r"No ticket opened from 2099-01-01 .* the tickets opened between"),
        (["--since", "October"], "is no day; write it as 2026-10-01"),
        ([], "needs an export and --since"),
    ],
)
def test_bad_requests_are_plain_messages(judged, export, arguments, message) -> None:
    result = CliRunner().invoke(app, ["replay", str(judged.bundle), str(export), *arguments])
    assert isinstance(result.exception, InputError)
    with pytest.raises(InputError, match=message):
        raise result.exception


def test_an_export_without_times_or_links_is_refused(judged: Judged, tmp_path: Path) -> None:
    bare = tmp_path / "bare.csv"
    bare.write_text("number,short_description\nINC1,printer\nINC2,mail\n", "utf-8")
    with pytest.raises(InputError, match="needs to know when every ticket opened"):
        replay_export(judged.bundle, ReplayRequest([bare], datetime(2026, 1, 1)))
    bare.write_text(
        "number,short_description,opened_at\nINC1,printer,2026-01-02\nINC2,mail,2026-01-03\n", "utf-8"
    )
    with pytest.raises(NotEnoughDataError, match="hold no link"):
        replay_export(judged.bundle, ReplayRequest([bare], datetime(2026, 1, 1)))


def test_nothing_of_the_users_is_replaced(replayed: Replay, export: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    with pytest.raises(OutputRefusedError, match="not even with --force"):
        write_replay(replayed, tmp_path / "mine", [export], force=True)
    write_replay(replayed, tmp_path / "page", [export])
    with pytest.raises(OutputRefusedError, match="--force"):
        write_replay(replayed, tmp_path / "page", [export])
    assert write_replay(replayed, tmp_path / "page", [export], force=True).is_file()
