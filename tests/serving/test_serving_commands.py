"""Bundle, doctor and relate as typed."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bundle_material import Judged
from ticketkin.cli.app import app
from ticketkin.core.errors import (
    InputError,
    LeakageError,
    MappingError,
    MissingInputError,
    OutputRefusedError,
)
from ticketkin.core.run_ownership import owning_run
from ticketkin.runs.stages import State
from ticketkin.serving.kin import Kin
from ticketkin.serving.manifest import read_manifest
from ticketkin.tickets.sample import write_sample
from ticketkin.workflows.job import list_stages

runner = CliRunner()


def ran(*arguments: object) -> str:
    result = runner.invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_a_bundle_is_made_without_ticket_text_and_replaced_only_when_asked(
    small_run: Path, judged: Judged, tmp_path: Path
) -> None:
    out = tmp_path / "kin"
    made = json.loads(ran("bundle", small_run, "--out", out, "--json"))
    assert made["id"] == read_manifest(out).id == read_manifest(judged.bundle).id
    assert not (out / "index").exists()
    texts = {text for name in ("title", "description", "close_notes") for text in judged.tickets.frame[name]}
    texts = {text for text in texts if len(text) > 20}
    assert texts
    for path in out.rglob("*"):
        if path.is_file() and path.suffix in (".json", ".md", ".html", ".txt"):
            content = path.read_text("utf-8")
            assert not [text for text in texts if text in content], path
            assert str(small_run.parent) not in content, path
    card = (out / "MODEL_CARD.md").read_text("utf-8")
    assert "forward pass" in card and "Licence" in card and "[" in card
    with pytest.raises(OutputRefusedError, match="--force"):
        ran("bundle", small_run, "--out", out)
    assert "Bundle:" in ran("bundle", small_run, "--out", out, "--force")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    with pytest.raises(OutputRefusedError, match="not replaced"):
        ran("bundle", small_run, "--out", tmp_path / "mine", "--force")


def test_a_text_is_related_on_the_screen_and_as_json(judged: Judged) -> None:
    title, service = judged.tickets.frame.select("title", "service").row(150)
    asked = ["relate", judged.bundle, "--text", title, "--field", f"service={service}", "--nearest", "3"]
    shown = ran(*asked, "--all")
    assert "New ticket:" in shown and "%" in shown and "same service" in " ".join(shown.split())
    (answer,) = json.loads(ran(*asked, "--json"))
    assert len(answer["relations"]) == 3 and answer["relations"][0]["evidence"]


def test_a_file_is_answered_as_csv_and_json_lines(judged: Judged, tmp_path: Path) -> None:
    write_sample(tmp_path / "tomorrow.csv", 20, 99)
    with (tmp_path / "tomorrow.csv").open(encoding="utf-8-sig") as file:
        numbers = {row["number"] for row in csv.DictReader(file)}
    for name in ("a.csv", "a.jsonl"):
        asked = ["relate", judged.bundle, "--file", tmp_path / "tomorrow.csv", "--out", tmp_path / name]
        assert "answers for" in ran(*asked)
        with pytest.raises(OutputRefusedError):
            ran(*asked)
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert {row["ticket"] for row in rows} == {line["ticket_id"] for line in lines} <= numbers
    assert ran("relate", judged.bundle, "--file", tmp_path / "tomorrow.csv")


def test_a_stored_ticket_is_related_by_number(judged: Judged) -> None:
    number = judged.tickets.frame["number"][judged.rows[-1]]
    assert ran("relate", judged.bundle, number, "--all").startswith(number)


def test_a_run_answers_for_its_own_tickets_and_for_new_ones(
    small_run: Path, judged: Judged, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(small_run, tmp_path / "june"))
    number, title = judged.tickets.frame.select("number", "title").row(judged.rows[-1])
    assert ran("relate", run, number, "--all").startswith(number)
    (answer,) = json.loads(ran("relate", run, "--text", title, "--json"))
    assert answer["relations"]
    (by_bundle,) = json.loads(ran("relate", judged.bundle, "--text", title, "--json"))
    assert [one["ticket_id"] for one in answer["relations"]] == [
        one["ticket_id"] for one in by_bundle["relations"]
    ]
    # What was stored at first use is no altered output of the run, and stays when the run is resumed.
    assert {status.state for status in list_stages(run)} == {State.DONE}
    assert (run / "index").is_dir() and not (run / "bundle/index").exists()
    assert owning_run(run / "index/x") is None


def test_a_run_without_a_bundle_says_what_to_run(small_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(small_run, tmp_path / "june"))
    shutil.rmtree(run / "bundle")
    with pytest.raises(MissingInputError, match=r"has no bundle yet\. Run: ticketkin run --resume"):
        ran("relate", run, "--text", "Printer is dead")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing was given"),
        (["INC1", "--text", "x"], "TICKET and --text was given"),
        (["--text", ""], "no text"),
        (["--text", "Printer", "--field", "colour=red"], "allowed are title"),
        (["--text", "Printer", "--field", "service"], "NAME=VALUE"),
        (["--field", "service=x", "INC1"], "goes with|describes the ticket"),
        (["INC0"], "holds no ticket 'INC0'"),
        (["--text", "Printer", "--out", "x.xlsx"], ".csv or .jsonl"),
        (["--file", "nowhere.csv"], "no such file"),
        (["--text", "Printer", "--map", "title=x"], "--map names the columns of --file"),
    ],
)
def test_bad_input_is_reported_plainly(judged: Judged, arguments: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ran("relate", judged.bundle, *arguments)


def test_the_other_tickets_are_answered_before_an_absent_one_is_named(judged: Judged) -> None:
    known = judged.tickets.ids[judged.rows[-1]]
    result = runner.invoke(app, ["relate", str(judged.bundle), known, "INC-nowhere"])
    assert isinstance(result.exception, InputError)
    assert "holds no ticket 'INC-nowhere'" in str(result.exception)
    assert known in result.stdout


def test_leaking_columns_stay_refused(judged: Judged, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("number,title,close_notes\nINC1,Printer is dead,new toner\n")
    with pytest.raises(LeakageError):
        ran("relate", judged.bundle, "--file", tmp_path / "t.csv", "--map", "description=close_notes")


def test_the_doctor_knows_a_bundle(judged: Judged) -> None:
    shown = ran("doctor", judged.bundle)
    assert "bundle_parity" in shown and "largest difference" in " ".join(shown.split())


def test_a_link_file_joins_stored_tickets_and_a_wrong_one_is_refused(judged: Judged, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(judged.bundle, tmp_path / "kin"))
    with Kin.open(bundle, create=False) as kin:
        known = kin.index.links.pairs
        (bundle / "index/links.json").unlink()
    assert known, "a bundle with the run's tickets knows the run's links"
    links = tmp_path / "duplicates.csv"
    links.write_text("child,master\n" + "".join(f"{one},{other}\n" for one, other in known))
    done = json.loads(ran("index", bundle, "--links", links, "--json"))
    assert done["n_linked"] == len(known) and done["n_stored"] == len(judged.tickets)
    assert f"{links.name}: 0 pairs are new" in ran("index", bundle, "--links", links)
    assert Kin.open(bundle, create=False).index.links.pairs == known

    ids = judged.tickets.ids
    links.write_text(
        "child,master\n" + "".join(f"{one},{two}\n" for one, two in zip(ids, ids[90:], strict=False))
    )
    with pytest.raises(MappingError, match="no nearer than chance"):
        ran("index", bundle, "--links", links)
    links.write_text("child,master\nnobody,nothing\n")
    with pytest.raises((MappingError, InputError)):
        ran("index", bundle, "--links", links)
    with pytest.raises(MissingInputError, match="no index"):
        ran("index", bundle, "--links", links, "--index", tmp_path / "empty")


def test_kinds_learned_over_another_encoder_are_not_bundled(small_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(small_run, tmp_path / "run"))
    record = run / "relations" / "classifier.json"
    content = json.loads(record.read_text())
    content["fitted_on"]["encoder"] = "0" * 64
    record.write_text(json.dumps(content))
    with pytest.raises(InputError, match="belongs to another run"):
        ran("bundle", run, "--out", tmp_path / "kin")
    assert not (tmp_path / "kin").exists()
