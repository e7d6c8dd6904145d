"""Full tuning: what is saved is what was trained, and its strength runs from the base to it."""

from pathlib import Path

import numpy as np
import pytest
from tuning_material import ENCODER, tuning_data

from ticketkin.core.checks import Outcome
from ticketkin.core.errors import InactiveAdapterError
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.interpolation import (
    interpolated_embeddings,
    prove_tuned,
    save_interpolated,
)
from ticketkin.encoders.loading import load_folder
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.training.full import train_full
from ticketkin.training.preparation import TunedEncoder
from ticketkin.training.record_checks import record_checks
from ticketkin.training.settings import FullSettings

SETTINGS = FullSettings(
    batch_size=8,
    learning_rate=2e-3,
    epochs_per_phase=(1, 1, 3),
    checkpoint_steps=4,
    checkpoint_seconds=0,
    max_length_tokens=24,
)


@pytest.fixture(scope="module")
def trained(tiny_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TunedEncoder:
    encoder = load_folder(tiny_encoder_folder, ENCODER)
    return train_full(encoder, tuning_data(), SETTINGS, tmp_path_factory.mktemp("full"), 7)


def test_the_saved_model_is_the_one_in_memory_and_the_base_stays(
    tiny_encoder_folder: Path, trained: TunedEncoder
) -> None:
    proof = prove_tuned(
        str(tiny_encoder_folder), trained.folder, trained.probe_texts, trained.probe_embeddings
    )
    assert proof.difference_from_base > 1e-3 and proof.difference_from_memory < 1e-5
    with pytest.raises(InactiveAdapterError, match="is not what was trained"):
        prove_tuned(
            str(tiny_encoder_folder), tiny_encoder_folder, trained.probe_texts, trained.probe_embeddings
        )


def test_the_record_tells_the_training(trained: TunedEncoder) -> None:
    outcomes = {check.code: check.outcome for check in record_checks(trained.record)}
    assert outcomes["learning_rate"] is outcomes["steps"] is outcomes["loss"] is Outcome.PASSED
    assert trained.record.method == "all weights"
    changes = trained.record.relative_change
    assert len(changes) > 12 and all(change > 0 for name, change in changes.items() if "layer" in name)
    assert trained.record.parameters_trained > 0.9 * trained.record.parameters_total


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_strength_runs_from_the_base_to_the_tuned_model(
    tiny_encoder_folder: Path, trained: TunedEncoder, tmp_path: Path, strength: float
) -> None:
    encoder = load_folder(tiny_encoder_folder, ENCODER)
    texts = trained.probe_texts[:6]
    embeddings = interpolated_embeddings(encoder, trained.folder, strength, texts, EncoderSettings())
    save_interpolated(encoder.source, trained.folder, strength, tmp_path / "between")
    saved = encode_texts(load_folder(tmp_path / "between", ENCODER), texts, None, EncoderSettings())
    np.testing.assert_allclose(saved, embeddings, atol=1e-5)
    base = encode_texts(encoder, texts, None, EncoderSettings())
    if strength == 0:
        np.testing.assert_allclose(embeddings, base, atol=1e-5)
    if strength == 1:
        np.testing.assert_allclose(embeddings, trained.probe_embeddings[:6], atol=1e-5)
    if strength == 0.5:
        assert np.abs(embeddings - base).max() > 1e-4
        assert np.abs(embeddings - trained.probe_embeddings[:6]).max() > 1e-4


def test_the_same_training_is_not_done_twice(tiny_encoder_folder: Path, trained: TunedEncoder) -> None:
    encoder = load_folder(tiny_encoder_folder, ENCODER)
    again = train_full(encoder, tuning_data(), SETTINGS, trained.folder.parent, 7)
    assert again.record == trained.record
    assert {path.name for path in trained.folder.parent.iterdir()} == {"tuned", "finished.json"}
    np.testing.assert_allclose(again.probe_embeddings, trained.probe_embeddings, atol=1e-6)
