"""A run whose texts another runtime embeds: which one is on record, and training tickets calibrate it."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from ticketkin.core.artifacts import read_json
from ticketkin.core.tables import SplitName
from ticketkin.workflows import artifacts
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import run_one_stage
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.runtimes import runtime_trial


def test_calibration_sees_no_evaluated_ticket(small_run: Path, small_job: Job) -> None:
    data = RunData.of(small_run, small_job)
    trial = runtime_trial(data)
    texts = {name: {data.texts[row] for row in data.splits.rows(data.tickets, name)} for name in SplitName}
    assert set(trial.calibration) <= texts[SplitName.TRAIN] and len(trial.calibration) > 30
    assert set(trial.probes) <= texts[SplitName.EVALUATION]
    assert trial.mrr is not None
    base = data.embeddings(artifacts.BASE_EMBEDDINGS)
    probes = data.splits.rows(data.tickets, SplitName.EVALUATION)
    assert 0 < trial.mrr(base[probes]) <= 1


def test_a_run_says_that_torch_embedded_its_texts(small_run: Path) -> None:
    record = read_json(small_run / artifacts.BASE_ENCODER)["runtime"]
    assert record == {"asked": "torch", "runtime": "torch", "fidelity": None, "refused": {}}


@pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed")
def test_a_run_in_another_runtime_says_so_and_embeds_alike(
    small_run: Path, small_job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))
    encoder = small_job.settings.encoder.model_copy(update={"runtime": "openvino"})
    job = small_job.model_copy(
        update={"settings": small_job.settings.model_copy(update={"encoder": encoder})}
    )
    for stage in ("import", "links", "split", "embed", "pairs", "head"):
        run_one_stage(stage, tmp_path / "run", job=job)
    record = read_json(tmp_path / "run" / artifacts.BASE_ENCODER)
    assert record["runtime"]["runtime"] == "openvino" and record["runtime"]["fidelity"]["mrr_torch"] > 0
    assert record["fingerprint"] != read_json(small_run / artifacts.BASE_ENCODER)["fingerprint"]
    torch, exported = (
        RunData.of(one, job).embeddings(artifacts.BASE_EMBEDDINGS) for one in (small_run, tmp_path / "run")
    )
    np.testing.assert_allclose(exported, torch, atol=1e-5)
