"""What the loop adds to a step: precision, cached gradients, recomputation, early stopping."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tuning_material import ENCODER, SETTINGS, train, tuning_data, without_dropout

from ticketkin.core.checks import Outcome
from ticketkin.core.errors import ConfigurationError
from ticketkin.encoders.adapter import attach_adapter
from ticketkin.encoders.loading import LoadedEncoder, load_float32, load_folder
from ticketkin.training.loop import EpochScores, TrainingLoop, seeded
from ticketkin.training.lora import train_lora
from ticketkin.training.objective import KinObjective
from ticketkin.training.precision import chosen_precision
from ticketkin.training.preparation import prepare_training
from ticketkin.training.record import EarlyStop
from ticketkin.training.record_checks import record_checks
from ticketkin.training.settings import LoraSettings

pytest.importorskip("peft", reason="the extra 'lora' is not installed")

EVERY_LOSS = [
    {},
    {"ranking_loss": "gist", "labelled_loss": "angle"},
    {"ranking_loss": "mnrl", "labelled_loss": "none", "matryoshka_dimensions": (16, 8)},
    {"ranking_loss": "none", "labelled_loss": "cosine"},
    {"ranking_loss": "triplet", "labelled_loss": "online_contrastive"},
]


def _gradients(folder: Path, **change: object) -> tuple[float, dict[str, np.ndarray]]:
    """Return loss and gradients of the last planned step, dropout on, the same draws every time."""
    settings = SETTINGS.model_copy(update=change)
    encoder, data = load_folder(folder, ENCODER), tuning_data()
    prepared = prepare_training(encoder, data, settings, 7, "test")
    with seeded(7):
        model = load_float32(str(encoder.source), "cpu")
        attach_adapter(model, settings)
        objective = KinObjective(model, data, prepared.texts, prepared.lengths, settings, prepared.guide)
        objective.texts_a_forward = 5 if settings.cached else 16
        loop = TrainingLoop("LoRA", model, objective, prepared.steps, settings)
        with loop._training_mode():
            loss = objective.backward(prepared.steps[-1], 1.0, loop.precision)
    return loss, {n: w.grad.numpy() for n, w in loop.weights.items() if w.grad is not None}


@pytest.mark.parametrize("losses", EVERY_LOSS)
def test_cached_gradients_equal_those_of_the_whole_batch(
    tiny_encoder_folder: Path, tmp_path: Path, losses: dict[str, object]
) -> None:
    # Without dropout: parts of another size would draw other numbers.
    folder = without_dropout(tiny_encoder_folder, tmp_path / "still")
    plain = _gradients(folder, dropout=0.0, **losses)
    with_cache = _gradients(folder, dropout=0.0, cached=True, **losses)
    assert plain[1]
    assert with_cache[0] == pytest.approx(plain[0], abs=1e-6)
    for name, expected in plain[1].items():
        np.testing.assert_allclose(with_cache[1][name], expected, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("cached", [False, True])
def test_recomputed_activations_change_no_gradient(tiny_encoder_folder: Path, cached: bool) -> None:
    kept = _gradients(tiny_encoder_folder, cached=cached)
    recomputed = _gradients(tiny_encoder_folder, cached=cached, gradient_checkpointing=True)
    assert recomputed[0] == pytest.approx(kept[0], abs=1e-6)
    for name, expected in kept[1].items():
        np.testing.assert_allclose(recomputed[1][name], expected, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_trains_and_is_recorded(
    tiny_encoder_folder: Path, tmp_path: Path, precision: str
) -> None:
    settings = SETTINGS.model_copy(update={"precision": precision, "epochs_per_phase": (0, 0, 6)})
    result = train(tiny_encoder_folder, tmp_path, settings=settings)
    assert result.record.precision == precision
    outcomes = {check.code: check.outcome for check in record_checks(result.record)}
    assert outcomes["loss"] is outcomes["learning_rate"] is outcomes["steps"] is Outcome.PASSED


def test_auto_precision_is_whole_on_a_cpu_and_half_on_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    assert chosen_precision("auto", "cpu") == chosen_precision("auto", "mps") == "float32"
    for supported, expected in ((True, "bfloat16"), (False, "float16")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda supported=supported: supported)
        assert chosen_precision("auto", "cuda:0") == expected
    with pytest.raises(ConfigurationError, match=r"'float16' is not for the device 'mps'; use 'auto'"):
        chosen_precision("float16", "mps")


def _judging(values: list[float]):
    """Judge by a list, and keep the weights' sum at each look."""
    seen = []

    def judge(encoder: LoadedEncoder) -> EpochScores:
        assert not encoder.model.training
        seen.append(encoder.model.encode(["printer is slow"])[0])
        return EpochScores(values[len(seen) - 1], 0.1 * len(seen), 0.2 * len(seen))

    return judge, seen


PATIENT = SETTINGS.model_copy(update={"epochs_per_phase": (0, 0, 6), "patience": 2})


def _trained(folder: Path, out: Path, values: list[float], settings: LoraSettings = PATIENT):
    judge, seen = _judging(values)
    result = train_lora(load_folder(folder, ENCODER), tuning_data(), settings, out, 7, judge=judge)
    return result, seen


def test_a_plateau_stops_the_training_with_the_best_weights(
    tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    result, seen = _trained(tiny_encoder_folder, tmp_path, [0.2, 0.5, 0.4, 0.5, 0.9])
    record = result.record
    assert [evaluation.value for evaluation in record.evaluations] == [0.2, 0.5, 0.4, 0.5]
    a_pass = record.steps_planned // 6
    assert record.stopped_early == EarlyStop(4 * a_pass, 2 * a_pass, "plateau")
    assert record.best_step == 2 * a_pass and record.steps_done == 4 * a_pass
    kept = load_folder(result.folder, ENCODER).model.encode(["printer is slow"])[0]
    np.testing.assert_allclose(kept, seen[1], atol=1e-5)
    assert np.abs(kept - seen[3]).max() > 1e-4
    steps = next(check for check in record_checks(record) if check.code == "steps")
    assert steps.outcome is Outcome.PASSED and "whose weights are kept" in steps.evidence


def test_the_best_epoch_is_kept_where_none_stops_it(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    result, seen = _trained(tiny_encoder_folder, tmp_path, [0.1, 0.2, 0.3, 0.4, 0.5, 0.45])
    assert result.record.stopped_early is None
    assert result.record.steps_done == result.record.steps_planned
    kept = load_folder(result.folder, ENCODER).model.encode(["printer is slow"])[0]
    np.testing.assert_allclose(kept, seen[4], atol=1e-5)


def test_a_stopped_training_is_read_back_as_it_was(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    first, _ = _trained(tiny_encoder_folder, tmp_path, [0.2, 0.5, 0.4, 0.5])
    again, looked = _trained(tiny_encoder_folder, tmp_path, [])
    assert not looked
    assert again.record.stopped_early == first.record.stopped_early
    np.testing.assert_allclose(again.probe_embeddings, first.probe_embeddings, atol=1e-6)


def test_the_best_of_all_epochs_is_kept_by_default(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    result, seen = _trained(tiny_encoder_folder, tmp_path, [0.3, 0.5, 0.4, 0.2], SETTINGS)
    record = result.record
    assert [evaluation.value for evaluation in record.evaluations] == [0.3, 0.5, 0.4, 0.2]
    assert [evaluation.pearson for evaluation in record.evaluations] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert [evaluation.spearman for evaluation in record.evaluations] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    ends = [0, *(evaluation.step for evaluation in record.evaluations)]
    losses = [np.mean(record.history.loss[a:b]) for a, b in pairwise(ends)]
    assert [evaluation.loss for evaluation in record.evaluations] == pytest.approx(losses)
    assert record.stopped_early is None and record.steps_done == record.steps_planned
    assert record.best_step == record.evaluations[1].step
    kept = load_folder(result.folder, ENCODER).model.encode(["printer is slow"])[0]
    np.testing.assert_allclose(kept, seen[1], atol=1e-5)


def test_the_last_epoch_is_kept_where_that_is_asked_for(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"keep_best": False})
    result, seen = _trained(tiny_encoder_folder, tmp_path, [], settings)
    assert not seen and result.record.evaluations == [] and result.record.best_step is None


def test_cached_training_holds_fewer_texts_when_memory_runs_out(
    tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = KinObjective._embed
    held: list[int] = []

    def embed(self: KinObjective, rows: np.ndarray) -> object:
        if len(rows) > 5:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        held.append(len(rows))
        return plain(self, rows)

    monkeypatch.setattr(KinObjective, "_embed", embed)
    settings = SETTINGS.model_copy(update={"cached": True})
    result = train(tiny_encoder_folder, tmp_path, settings=settings)
    assert result.record.batch_size == SETTINGS.batch_size
    assert max(held) == 4
