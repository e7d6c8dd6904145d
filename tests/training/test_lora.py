import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tuning_material
from tuning_material import ENCODER, SETTINGS, train, tuning_data

from progress_material import KeptLines
from ticketkin.core.checks import Outcome
from ticketkin.core.errors import InactiveAdapterError, InputError, JobError, MissingExtraError
from ticketkin.core.tables import FloatArray
from ticketkin.encoders.adapter import embeddings_at_strength, scaled_merge
from ticketkin.encoders.loading import load_folder
from ticketkin.training import loop, objective
from ticketkin.training.lora import train_lora
from ticketkin.training.preparation import TunedEncoder
from ticketkin.training.record import EarlyStop
from ticketkin.training.record_checks import record_checks

pytest.importorskip("peft", reason="the extra 'lora' is not installed")


@pytest.fixture(scope="module")
def trained(tiny_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TunedEncoder:
    return train(tiny_encoder_folder, tmp_path_factory.mktemp("lora"))


def _encode(folder: Path, texts: list[str]) -> FloatArray:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True).encode(texts)


def _weights(result: TunedEncoder) -> dict[str, FloatArray]:
    from safetensors.numpy import load_file

    return load_file(result.adapter_folder / "adapter_model.safetensors")


def _no_step(*_: object) -> None:
    raise AssertionError("trained again")


def _assert_same_adapter(one: TunedEncoder, other: TunedEncoder) -> None:
    expected, weights = _weights(one), _weights(other)
    assert expected.keys() == weights.keys()
    for name in expected:
        np.testing.assert_allclose(weights[name], expected[name], atol=1e-5, err_msg=name)


def test_training_brings_kin_nearer_than_others_and_leaves_the_base_alone(
    tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    data = tuning_data()
    encoder = load_folder(tiny_encoder_folder, ENCODER)
    before = encoder.model.encode(data.texts)
    settings = SETTINGS.model_copy(update={"epochs_per_phase": (0, 0, 24)})
    result = train_lora(encoder, data, settings, tmp_path, 7)
    np.testing.assert_array_equal(encoder.model.encode(data.texts), before)
    after = _encode(result.folder, data.texts)

    def first_is_kin(embeddings: FloatArray) -> float:
        cosines = embeddings @ embeddings.T
        np.fill_diagonal(cosines, -1)
        return float((data.group_of_row[cosines.argmax(axis=1)] == data.group_of_row).mean())

    assert first_is_kin(after) > first_is_kin(before) + 0.3


def test_adapter_merged_and_memory_agree_after_reload(trained: TunedEncoder) -> None:
    for folder in (trained.adapter_folder, trained.folder):
        np.testing.assert_allclose(
            _encode(folder, trained.probe_texts), trained.probe_embeddings, atol=1e-5, err_msg=str(folder)
        )


def test_every_update_is_trained(trained: TunedEncoder) -> None:
    updates = {name: values for name, values in _weights(trained).items() if "lora_B" in name}
    assert len(updates) == 12  # six linear layers in each of two blocks; the pooler has no gradient
    assert all(values.any() for values in updates.values())


def test_folders_hold_no_pickle_and_merged_needs_no_peft(trained: TunedEncoder) -> None:
    for folder in (trained.adapter_folder, trained.folder):
        assert not [p for p in folder.rglob("*") if p.suffix in {".bin", ".pt", ".pkl", ".pth"}]
    assert not (trained.folder / "adapter_config.json").exists()


def test_the_record_tells_what_was_really_applied(trained: TunedEncoder) -> None:
    record = trained.record
    history = record.history
    n = record.steps_done
    assert n == record.steps_planned == len(history.loss) == len(history.gradient_norm)
    rates = history.learning_rate
    peak = int(np.argmax(rates))
    assert rates[peak] == SETTINGS.learning_rate
    assert np.all(np.diff(rates[: peak + 1]) > 0)
    assert np.all(np.diff(rates[peak + 1 :]) < 0)
    assert [phase.phase for phase in record.phases] == [1, 2, 3]
    assert [phase.positives for phase in record.phases] == [10, 20, 30]
    assert [phase.examples for phase in record.phases] == [10, 20, 60]
    assert 0 < record.parameters_trained < record.parameters_total
    assert len(record.relative_change) == 12
    assert all(change > 0 for change in record.relative_change.values())
    assert (record.seed, record.batch_size, record.precision) == (7, 8, "float32")
    assert record.versions["peft"]
    json.dumps(record.model_dump(mode="json"), allow_nan=False)


def _killed(encoder: Path, folder: Path, step: int, *, between: bool = False) -> list[str]:
    """Train in a process that is killed when `step` is done, or `between` its end and what it leaves.

    Returns the names of its checkpoints.
    """
    script = Path(tuning_material.__file__)
    path = os.pathsep.join([str(script.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, str(script), str(encoder), str(folder), str(step), *["between"] * between],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return sorted(path.name for path in (folder / "checkpoint").iterdir())


def test_a_training_killed_in_the_middle_ends_with_the_same_adapter(
    tiny_encoder_folder: Path, trained: TunedEncoder, tmp_path: Path
) -> None:
    assert _killed(tiny_encoder_folder, tmp_path, 8) == ["step-00000003", "step-00000006"]
    assert not (tmp_path / "adapter").exists()
    resumed = train(tiny_encoder_folder, tmp_path)
    assert resumed.record.history.loss == pytest.approx(trained.record.history.loss, abs=1e-5)
    _assert_same_adapter(trained, resumed)


def test_a_training_killed_before_its_result_is_whole_takes_no_step_again(
    tiny_encoder_folder: Path, trained: TunedEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = trained.record.steps_done
    assert _killed(tiny_encoder_folder, tmp_path, last, between=True)[-1] == f"step-{last:08d}"
    assert (tmp_path / "merged").exists() and not (tmp_path / "finished.json").exists()
    monkeypatch.setattr(objective.KinObjective, "loss", _no_step)
    _assert_same_adapter(trained, train(tiny_encoder_folder, tmp_path))


def test_a_finished_training_leaves_no_checkpoint(trained: TunedEncoder) -> None:
    left = {path.name for path in trained.folder.parent.iterdir()}
    assert left == {"adapter", "merged", "finished.json"}


def test_a_finished_training_whose_model_was_damaged_is_done_anew(
    tiny_encoder_folder: Path, trained: TunedEncoder, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(trained.adapter_folder.parent, tmp_path / "lora"))
    (folder / "adapter/adapter_model.safetensors").write_bytes(b"")
    _assert_same_adapter(trained, train(tiny_encoder_folder, folder))


def test_the_same_seed_gives_the_same_adapter(
    tiny_encoder_folder: Path, trained: TunedEncoder, tmp_path: Path
) -> None:
    _assert_same_adapter(trained, train(tiny_encoder_folder, tmp_path))


def test_a_finished_training_is_not_done_again(
    tiny_encoder_folder: Path, trained: TunedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objective.KinObjective, "loss", _no_step)
    again = train(tiny_encoder_folder, trained.adapter_folder.parent)
    _assert_same_adapter(trained, again)
    assert again.record == trained.record
    np.testing.assert_allclose(again.probe_embeddings, trained.probe_embeddings, atol=1e-5)


@pytest.mark.parametrize("change", ["settings", "data"])
def test_the_result_of_another_training_is_not_taken(
    tiny_encoder_folder: Path, trained: TunedEncoder, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(objective.KinObjective, "loss", _no_step)
    other = tuning_data(seed=1) if change == "data" else tuning_data()
    settings = SETTINGS.model_copy(update={"alpha": 4}) if change == "settings" else SETTINGS
    with pytest.raises(AssertionError, match="trained again"):
        train(tiny_encoder_folder, trained.adapter_folder.parent, other, settings=settings)


def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    tiny_encoder_folder: Path, trained: TunedEncoder, tmp_path: Path
) -> None:
    _killed(tiny_encoder_folder, tmp_path, 8)
    newest = max((tmp_path / "checkpoint").iterdir())
    content = (newest / "tensors.safetensors").read_bytes()
    (newest / "tensors.safetensors").write_bytes(content[:-40] + bytes(40))
    _assert_same_adapter(trained, train(tiny_encoder_folder, tmp_path))


def _failing(monkeypatch: pytest.MonkeyPatch, fails: object, outcome: object) -> None:
    """Replace the outcome of those batches for which `fails` is true."""
    plain = objective.KinObjective.loss
    calls = []

    def loss(self: objective.KinObjective, step: object) -> object:
        calls.append(step)
        return outcome(plain(self, step)) if fails(len(calls), step) else plain(self, step)  # type: ignore[operator]

    monkeypatch.setattr(objective.KinObjective, "loss", loss)


def test_nan_stops_at_the_last_good_checkpoint(
    tiny_encoder_folder: Path, trained: TunedEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _failing(monkeypatch, lambda n, _: n == 8, lambda loss: loss * float("nan"))
    result = train(tiny_encoder_folder, tmp_path)
    assert result.record.stopped_early == EarlyStop(8, 6, "not finite")
    assert result.record.history.loss == pytest.approx(trained.record.history.loss[:6])
    assert all(np.isfinite(values).all() for values in _weights(result).values())


def test_no_checkpoint_is_written_soon_after_the_one_before(
    tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    monkeypatch.setattr(loop, "save_checkpoint", lambda _, __, checkpoint: saved.append(checkpoint.step))
    for seconds, folder in ((0.0, tmp_path / "often"), (1e6, tmp_path / "once")):
        settings = SETTINGS.model_copy(update={"checkpoint_seconds": seconds})
        last = train(tiny_encoder_folder, folder, settings=settings).record.steps_done
        assert saved[-1] == last and (saved == [last] if seconds else set(range(3, last, 3)) < set(saved))
        saved.clear()


def test_nan_before_any_checkpoint_says_what_to_do(
    tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _failing(monkeypatch, lambda n, _: n == 1, lambda loss: loss * float("nan"))
    with pytest.raises(JobError, match=r"failed at step 1 of \d+.*Lower lora.learning_rate"):
        train(tiny_encoder_folder, tmp_path)


def _out_of_memory(_: object) -> None:
    raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")


def test_the_batch_halves_when_memory_runs_out(
    tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _failing(monkeypatch, lambda _, step: len(step.positives) > 4, _out_of_memory)
    progress = KeptLines()
    result = train(tiny_encoder_folder, tmp_path, progress=progress)
    assert result.record.batch_size == 4
    assert result.record.steps_done == result.record.steps_planned
    assert any("training on 4 positives at a time" in line for line in progress.lines)


def test_a_batch_that_never_fits_says_what_to_do(
    tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _failing(monkeypatch, lambda *_: True, _out_of_memory)
    with pytest.raises(JobError, match="A batch of 2 does not fit in memory"):
        train(tiny_encoder_folder, tmp_path)


def test_strengths_run_from_the_base_to_the_full_adapter(
    tiny_encoder_folder: Path, trained: TunedEncoder, tmp_path: Path
) -> None:
    encoder = load_folder(tiny_encoder_folder, ENCODER)
    texts = trained.probe_texts
    at = {
        s: embeddings_at_strength(encoder, trained.adapter_folder, s, texts, ENCODER) for s in (0.0, 0.5, 1.0)
    }
    np.testing.assert_allclose(at[0.0], encoder.model.encode(texts), atol=1e-5)
    np.testing.assert_allclose(at[1.0], trained.probe_embeddings, atol=1e-5)
    assert np.abs(at[0.5] - at[0.0]).max() > 1e-3
    for strength, expected in at.items():
        scaled_merge(tiny_encoder_folder, trained.adapter_folder, strength, tmp_path / f"{strength}")
        np.testing.assert_allclose(_encode(tmp_path / f"{strength}", texts), expected, atol=1e-5)


def test_a_merge_scales_to_unit_length_whatever_the_base(
    tiny_encoder_folder: Path, trained: TunedEncoder, tmp_path: Path
) -> None:
    bare = load_folder(tiny_encoder_folder, ENCODER).model
    del bare[2]
    bare.save_pretrained(str(tmp_path / "bare"), create_model_card=False)
    scaled_merge(tmp_path / "bare", trained.adapter_folder, 1.0, tmp_path / "merged", max_length_tokens=16)
    embeddings = _encode(tmp_path / "merged", trained.probe_texts)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    assert load_folder(tmp_path / "merged", ENCODER).max_length_tokens == 16


def test_an_untrained_adapter_is_refused(
    tiny_encoder_folder: Path, trained: TunedEncoder, tmp_path: Path
) -> None:
    from safetensors.numpy import save_file

    folder = Path(shutil.copytree(trained.adapter_folder, tmp_path / "adapter"))
    zeroed = {name: values * ("lora_B" not in name) for name, values in _weights(trained).items()}
    save_file(zeroed, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InactiveAdapterError, match="changes none of the 12 modules"):
        scaled_merge(tiny_encoder_folder, folder, 1.0, tmp_path / "merged")


def test_a_folder_without_adapter_is_reported(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no adapter_config.json"):
        scaled_merge(tiny_encoder_folder, tiny_encoder_folder, 1.0, tmp_path / "merged")


def test_without_peft_the_extra_is_named(
    tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtraError, match=r"ticketkin\[lora\]"):
        train(tiny_encoder_folder, tmp_path)


def test_rows_outside_the_texts_are_a_fault() -> None:
    data = tuning_data()
    with pytest.raises(ValueError, match="rows must lie in"):
        replace(data, texts=data.texts[:-5], group_of_row=data.group_of_row[:-5])


@pytest.mark.parametrize(
    "change",
    [
        {"ranking_loss": "mnrl", "labelled_loss": "none"},
        {"ranking_loss": "gist", "labelled_loss": "angle"},
        {"ranking_loss": "triplet", "labelled_loss": "none"},
        {"ranking_loss": "none", "labelled_loss": "cosine"},
        {"ranking_loss": "none", "labelled_loss": "online_contrastive"},
        {"matryoshka_dimensions": (16, 8), "schedule": "hold_cosine", "weight_decay": 0.01},
    ],
)
def test_every_loss_trains_and_the_record_says_what_it_saw(
    tiny_encoder_folder: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    settings = SETTINGS.model_copy(update={"epochs_per_phase": (0, 0, 6), **change})
    result = train(tiny_encoder_folder, tmp_path, settings=settings)
    outcomes = {check.code: check.outcome for check in record_checks(result.record)}
    assert outcomes["loss"] is outcomes["learning_rate"] is outcomes["steps"] is Outcome.PASSED
    seen = result.record.examples
    assert ("ranking" in seen) == (settings.ranking_loss != "none")
    assert ("labelled" in seen) == (settings.labelled_loss != "none")
    if "labelled" in seen:
        assert seen["labelled"]["kin"] > 0 and seen["labelled"]["not_kin"] > 0
