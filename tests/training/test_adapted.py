"""Training on texts alone."""

from pathlib import Path

import numpy as np
import pytest
from tuning_material import ENCODER, tuning_data, without_dropout

from ticketkin.core.checks import Outcome
from ticketkin.core.errors import ConfigurationError, NotEnoughDataError
from ticketkin.encoders.interpolation import prove_tuned
from ticketkin.encoders.loading import load_folder
from ticketkin.training.adapted import train_adapted
from ticketkin.training.record_checks import record_checks
from ticketkin.training.settings import AdaptedSettings

SETTINGS = AdaptedSettings(
    learning_rate=2e-3,
    epochs=6,
    batch_size=8,
    max_length_tokens=24,
    checkpoint_steps=3,
    checkpoint_seconds=0,
    warmup_share=0.0,
)


@pytest.mark.parametrize("objectives", [("mlm",), ("tsdae",), ("simcse",), ("tsdae", "simcse")])
def test_each_objective_learns_and_what_is_saved_is_what_was_trained(
    tiny_encoder_folder: Path, tmp_path: Path, objectives: tuple[str, ...]
) -> None:
    encoder = load_folder(tiny_encoder_folder, ENCODER)
    texts = tuning_data().texts
    before = encoder.model.encode(texts)
    settings = SETTINGS.model_copy(update={"objectives": objectives})
    result = train_adapted(encoder, texts, settings, tmp_path, 7)
    np.testing.assert_array_equal(encoder.model.encode(texts), before)
    proof = prove_tuned(encoder.source, result.folder, result.probe_texts, result.probe_embeddings)
    assert proof.difference_from_base > 1e-3
    record = result.record
    assert [phase.objective for phase in record.phases] == list(objectives)
    assert record.steps_done == record.steps_planned == len(record.history.loss)
    assert all(phase.examples == 6 * len(set(texts)) for phase in record.phases)
    checks = record_checks(record)
    fell = [check.outcome for check in checks if check.code == "loss"]
    assert len(fell) == len(objectives)
    if objectives[0] in {"mlm", "tsdae"}:
        assert fell[0] is Outcome.PASSED
    assert not any(check.outcome is Outcome.FAILED for check in checks)


def test_a_finished_training_is_read_back_and_the_seed_decides(
    tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    encoder, texts = load_folder(tiny_encoder_folder, ENCODER), tuning_data().texts
    settings = SETTINGS.model_copy(update={"epochs": 2, "objectives": ("tsdae", "simcse")})
    first, again, other = (
        train_adapted(encoder, texts, settings, tmp_path / place, seed)
        for place, seed in (("one", 7), ("one", 7), ("two", 8))
    )
    np.testing.assert_allclose(again.probe_embeddings, first.probe_embeddings, atol=1e-6)
    assert again.record == first.record
    assert {path.name for path in (tmp_path / "one").iterdir()} == {"tuned", "finished.json"}
    assert np.abs(other.probe_embeddings - first.probe_embeddings).max() > 1e-4


def test_too_few_texts_are_reported(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    encoder = load_folder(tiny_encoder_folder, ENCODER)
    with pytest.raises(NotEnoughDataError, match="at least 10 different texts, there are 1"):
        train_adapted(encoder, ["printer"] * 20, SETTINGS, tmp_path, 7)


def test_without_dropout_simcse_is_refused(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    folder = without_dropout(tiny_encoder_folder, tmp_path / "still")
    settings = SETTINGS.model_copy(update={"objectives": ("simcse",)})
    with pytest.raises(ConfigurationError, match="has no dropout, so 'simcse'"):
        train_adapted(load_folder(folder, ENCODER), tuning_data().texts, settings, tmp_path / "out", 7)
