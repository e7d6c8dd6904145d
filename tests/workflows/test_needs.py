"""What a training would lack hours later is refused before the first stage, and by a dry run."""

import shutil
import sys
from pathlib import Path

import pytest

from in_process import run_in_process
from ticketkin.core.errors import MissingExtraError, TicketkinError
from ticketkin.runs.needs import check_needs
from ticketkin.workflows.configuration import Job, load_settings, read_job
from ticketkin.workflows.job import list_stages, run_job, run_one_stage

NOWHERE = "/no/such/folder"
SYNONYMS = ("augment.methods=synonyms", f"augment.wordnet={NOWHERE}")
LACKING = {
    "wordnet": (("candidates=lora", *SYNONYMS), r"augment\.wordnet must be the folder"),
    "wordnet of full": (("candidates=full", *SYNONYMS), r"augment\.wordnet must be the folder"),
    "apertium": (
        (
            "candidates=lora", "augment.methods=back-translation",
            "augment.translators=apertium:eng-spa,apertium:spa-eng",
        ),
        "needs the program apertium",
    ),
    "translation model": (
        (
            "candidates=lora", "augment.methods=back-translation",
            f"augment.translators={NOWHERE}/there,{NOWHERE}/back",
        ),
        r"translation model '/no/such/folder/there' can't be loaded",
    ),
    "translation model of the hub": (
        ("candidates=lora", "augment.methods=back-translation", "augment.translators=no-such/a,no-such/b"),
        r"translation model 'no-such/a' can't be loaded \(it is not in the hub's local cache\)",
    ),
    "base model": ((f"encoder.base_model={NOWHERE}",), "No model folder at /no/such/folder"),
    "base model of the hub": (("encoder.base_model=no-such/model",), "not in the hub's local cache"),
    "reranker": (
        ("candidates=fusion,reranker", f"reranker.base_model={NOWHERE}"), "No model folder at /no/such/folder"
    ),
    "cross-encoder of kinds": (
        ("relations.model=cross_encoder", f"relations.cross_encoder.base_model={NOWHERE}"),
        "No model folder at /no/such/folder",
    ),
    "cross-encoder of causes": (
        ("relations.causes=true", "relations.cross_encoder.base_model=no-such/model"),
        "not in the hub's local cache",
    ),
}  # fmt: skip


def _with(job: Job, *assignments: str) -> Job:
    stored = job.settings.model_dump(mode="json", exclude_none=True)
    return job.model_copy(update={"settings": load_settings(None, assignments, {}, stored=stored)})


@pytest.mark.parametrize("lacking", LACKING)
def test_a_run_is_refused_before_its_first_stage(
    quick_job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    assignments, message = LACKING[lacking]
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TicketkinError, match=message):
        run_job(_with(quick_job, *assignments), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_dry_run_refuses_with_the_same_words(
    quick_job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, base = quick_job.sources[0], quick_job.settings.encoder.base_model
    words = ["run", str(source), "--out", str(tmp_path / "run"), "--offline", "--base-model", base]
    words += [word for assignment in LACKING["wordnet"][0] for word in ("--set", assignment)]
    real = run_in_process(*words, monkeypatch=monkeypatch, capsys=capsys)
    dry = run_in_process(*words, "--dry-run", monkeypatch=monkeypatch, capsys=capsys)
    assert dry.returncode == real.returncode == 1
    assert "augment.wordnet must be the folder" in dry.stderr and dry.stderr.strip() in real.stderr
    assert not (tmp_path / "run").exists()


def test_a_file_of_links_that_is_gone_is_missed_before_the_import(quick_job: Job, tmp_path: Path) -> None:
    job = quick_job.model_copy(update={"links_file": tmp_path / "gone.csv"})
    with pytest.raises(TicketkinError, match=r"The stage 'links' reads .*gone\.csv, which is not there"):
        run_job(job, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_peft_is_missed_where_lora_is_sure_to_be_tuned(
    quick_job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    asked = _with(quick_job, "candidates=lora", "evaluation.by=split")
    with pytest.raises(MissingExtraError, match=r"ticketkin\[lora\]"):
        check_needs(list_stages(tmp_path / "run", asked), asked)
    for by in ("auto", "folds"):  # where folds judge, LoRA is left out without the time for it
        may_be_left_out = _with(asked, f"evaluation.by={by}")
        check_needs(list_stages(tmp_path / "run", may_be_left_out), may_be_left_out)


def test_a_stage_alone_looks_first_and_leaves_the_settings(quick_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(quick_run, tmp_path / "run"))
    before = (run / "config.toml").read_text()
    job = _with(read_job(run), "relations.causes=true", f"relations.cross_encoder.base_model={NOWHERE}")
    with pytest.raises(TicketkinError, match="No model folder"):
        run_one_stage("relations", run, job=job)
    assert (run / "config.toml").read_text() == before


def test_what_only_finished_stages_opened_may_be_gone(
    quick_run: Path, quick_job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Path(shutil.copytree(quick_run, tmp_path / "run"))
    statuses = list_stages(run)
    gone = _with(quick_job, f"encoder.base_model={NOWHERE}")
    check_needs(statuses, gone)  # all of them are done
    (run / "report.json").unlink()
    check_needs(list_stages(run), gone)
    shutil.rmtree(run / "stages")
    with pytest.raises(TicketkinError, match="No model folder"):
        check_needs(list_stages(run), gone)
