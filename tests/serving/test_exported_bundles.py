"""A bundle whose encoders are exported answers like the verdict, and says what it runs on."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bundle_material import Judged
from ticketkin.cli.app import app
from ticketkin.doctor.bundles import examine_bundle
from ticketkin.evaluation.schema import read_report
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.kin import Kin
from ticketkin.workflows.bundling import bundle_run

pytest.importorskip("onnxruntime", reason="the extra 'onnx' is not installed")
pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")

ASK = """
import sys
from ticketkin.serving.kin import Kin
kin = Kin.open(sys.argv[1], create=False)
assert kin.relate(sys.argv[2]).relations
print(sorted({"torch", "transformers", "sentence_transformers"} & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def exported(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "kin"
    bundle_run(small_run, out, runtime="auto", with_index=True)
    return out


def test_a_runtime_that_is_asked_for_serves_only_where_its_fidelity_holds(exported: Path) -> None:
    record = Bundle.open(exported).record
    assert {source.judged_by for source in record.embeddings} == {"torch"}
    served = {source.runtime for source in record.embeddings}
    report = read_report(exported / "report.json")
    assert {use.judged_by for use in report.runtimes} == {"torch"}
    assert {use.serves for use in report.runtimes} == served
    page = (exported / "report.html").read_text("utf-8")
    assert all(f"new tickets are answered with {runtime}" in page for runtime in served - {"torch"})
    card = (exported / "MODEL_CARD.md").read_text("utf-8")
    assert ("answers are computed with" in card) == (served != {"torch"})
    checks = [check for _, checks in examine_bundle(exported) for check in checks]
    assert checks and not [check for check in checks if check.outcome == "failed"]


def test_an_exported_bundle_answers_without_torch(small_run: Path, judged: Judged, tmp_path: Path) -> None:
    out = tmp_path / "kin"
    bundle_run(small_run, out, runtime="onnx-int8", with_index=True)
    if {source.runtime for source in Bundle.open(out).record.embeddings} == {"torch"}:
        pytest.skip("int8 of the tiny encoder is too far from torch here, and was refused")
    title = judged.tickets.frame["title"][100]
    asked = subprocess.run(
        [sys.executable, "-c", ASK, str(out), title], capture_output=True, text=True, check=True
    )
    assert asked.stdout.strip() == "[]"
    with Kin.open(out, create=False) as kin:
        assert kin.relate(title).relations


def test_an_unknown_runtime_is_refused(small_run: Path, tmp_path: Path) -> None:
    asked = ["bundle", str(small_run), "--out", str(tmp_path / "kin"), "--runtime", "tpu"]
    result = CliRunner().invoke(app, asked)
    assert "allowed are torch, openvino, openvino-int8, onnx-int8 and auto" in str(result.exception)
