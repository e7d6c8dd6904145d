"""What a training leaves as its record: one shape on disk, and nothing in it that was not measured."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ticketkin.core.checks import Check, Outcome
from ticketkin.core.errors import UnreadableFileError
from ticketkin.encoders.activity import ActivityProof
from ticketkin.encoders.interpolation import ReloadProof
from ticketkin.encoders.runtime.fidelity import RuntimeRecord
from ticketkin.training.head import Head, train_head
from ticketkin.training.positives import PositivePairs
from ticketkin.training.record import CandidateTraining
from ticketkin.training.record_checks import record_checks
from ticketkin.training.settings import HeadSettings
from ticketkin.training.strength import StrengthSweep
from ticketkin.workflows.artifacts import training_record

ABOUT = {
    "candidate": "head", "base_model": "MiniLM", "base_fingerprint": "ab", "template": "{title}",
    "encoder": {
        "max_length_tokens": 16, "dimension": 8, "unit_length": True, "prompts": {}, "default_prompt": None,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def head() -> Head:
    embeddings = np.eye(8, dtype=np.float32)
    rows = np.arange(8).reshape(2, 4)
    pairs = PositivePairs(rows[0], rows[1], np.ones_like(rows[0]), rows[0], np.full((4, 0), -1))
    return train_head(embeddings, pairs, HeadSettings(epochs=1), 0)


@pytest.mark.parametrize(
    "proof",
    [ReloadProof(0.2, 1e-7), ActivityProof(32, 0.2, None, 1e-7, 12, ["layer.0"])],
)
def test_a_record_is_read_as_it_was_written(
    head: Head, proof: ReloadProof | ActivityProof, tmp_path: Path
) -> None:
    record = CandidateTraining.of(
        head.record,
        **ABOUT,
        strength=StrengthSweep([0.0, 1.0], [0.5, 0.6], 1.0),
        proof=proof,
        runtime=RuntimeRecord("auto", "torch", None, {"openvino": "mean cosine .9"}),
    )
    artifact = training_record("head")
    path = tmp_path / artifact
    artifact.write(path, record)
    again = artifact.read(path)
    assert again == record and type(again.proof) is type(proof)
    assert json.loads(path.read_text("utf-8")) == again.model_dump(mode="json")


def test_what_does_not_apply_to_a_method_is_not_written(head: Head) -> None:
    written = CandidateTraining.of(head.record, **ABOUT).model_dump(mode="json")
    assert written["stopped_early"] is None and written["encoder"] == ABOUT["encoder"]
    assert written.keys() >= {*ABOUT, "n_positives", "parameters_total", "history", "seed"}
    assert not written.keys() & {"fresh_head", "head_digest", "objectives", "best_step", "proof", "runtime"}


def test_a_damaged_record_names_what_is_wrong(head: Head, tmp_path: Path) -> None:
    artifact = training_record("head")
    path = tmp_path / artifact
    artifact.write(path, CandidateTraining.of(head.record, **ABOUT))
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(content | {"steps_done": "many"}), "utf-8")
    with pytest.raises(UnreadableFileError, match=r"steps_done: .*ticketkin run --resume --out"):
        artifact.read(path)


def test_a_record_whose_losses_are_not_its_steps_is_named(head: Head) -> None:
    outcomes = {check.code: check.outcome for check in record_checks(head.record)}
    assert outcomes["steps"] is Outcome.PASSED and "loss_zero" not in outcomes
    history = head.record.history
    cut = replace(history, loss=history.loss[:-1])
    checks = record_checks(head.record.model_copy(update={"history": cut}))
    steps = next(check for check in checks if check.code == "steps")
    assert steps.outcome is Outcome.FAILED and "losses are recorded" in steps.evidence


def test_a_loss_of_nothing_but_zeros_is_named(head: Head) -> None:
    nothing = replace(head.record.history, loss=[0.0] * head.record.steps_done)
    checks = record_checks(head.record.model_copy(update={"history": nothing}))
    zero = next(check for check in checks if check.code == "loss_zero")
    assert zero.outcome is Outcome.FAILED and "positives are their own anchors" in zero.evidence


def test_a_loss_is_compared_within_phases_as_later_ones_are_harder(head: Head) -> None:
    def loss_check(losses: list[float]) -> Check:
        phases = [1] * 10 + [2] * 10
        steps = [1e-3] * len(losses)
        history = replace(
            head.record.history, loss=losses, phase=phases, learning_rate=steps, gradient_norm=steps
        )
        record = head.record.model_copy(update={"history": history, "steps_done": len(losses)})
        return next(check for check in record_checks(record) if check.code == "loss")

    falling = loss_check([*np.linspace(2, 1, 10), *np.linspace(4, 3, 10)])
    assert falling.outcome is Outcome.PASSED and "mean over phases" in falling.evidence
    rising = loss_check([*np.linspace(1, 2, 10), *np.linspace(0.2, 0.8, 10)])
    assert rising.outcome is Outcome.WARNING, "the loss of all steps together falls, that of no phase does"


def test_a_warm_up_longer_than_the_training_is_named(head: Head) -> None:
    asked = head.record.model_copy(update={"settings": head.record.settings | {"warmup_steps": 500}})
    warm_up = next(check for check in record_checks(asked) if check.code == "warm_up")
    assert warm_up.outcome is Outcome.WARNING and "a warm-up of 500 steps was asked for" in warm_up.evidence
    assert "warm_up" not in {check.code for check in record_checks(head.record)}
