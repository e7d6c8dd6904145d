"""Models cut to their first dimensions: what is saved, what is refused, what the cut is said to cost."""

from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from tuning_material import ENCODER, tuning_data

from ticketkin.core.errors import ConfigurationError
from ticketkin.core.progress import SilentProgress
from ticketkin.core.tables import Visibility
from ticketkin.encoders.dense import unit_length
from ticketkin.encoders.loading import load_folder
from ticketkin.training.cut_quality import cuts_sentence, quality_by_dimensions
from ticketkin.training.dimensions import CutTuning, save_cut
from ticketkin.training.rivals import EvaluationQueries
from ticketkin.training.settings import FullSettings
from ticketkin.training.tuning_methods import Full

TEXTS = ["printer error", "mail not working after update"]


def test_a_cut_folder_gives_the_first_dimensions_to_whatever_loads_it(
    tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    save_cut(tiny_encoder_folder, 8, tmp_path / "cut", "{title}")
    expected = unit_length(load_folder(tiny_encoder_folder, ENCODER).embed(TEXTS)[:, :8])
    cut = load_folder(tmp_path / "cut", ENCODER)
    assert cut.dimension == 8
    np.testing.assert_allclose(cut.embed(TEXTS), expected, atol=1e-6)
    plain = SentenceTransformer(str(tmp_path / "cut"), device="cpu")
    np.testing.assert_allclose(plain.encode(TEXTS), expected, atol=1e-6)
    assert cut.max_length_tokens == load_folder(tiny_encoder_folder, ENCODER).max_length_tokens


@pytest.mark.parametrize("dimensions", [32, 33])
def test_a_cut_that_cuts_nothing_off_is_refused_before_training(
    tiny_encoder_folder: Path, tmp_path: Path, dimensions: int
) -> None:
    method = CutTuning(Full(FullSettings(), ENCODER, 0), dimensions)
    start = load_folder(tiny_encoder_folder, ENCODER)
    with pytest.raises(ConfigurationError, match=r"full\.served_dimensions is .* 32 dimensions; give fewer"):
        method.train(start, tuning_data(), tmp_path / "trained", SilentProgress(), None)
    assert not (tmp_path / "trained").exists()


def test_the_loss_is_that_of_the_cut_with_its_counts() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 2)
    kin = np.eye(30, dtype=np.float32)[groups]  # perfect, but in the last dimensions alone
    noise = rng.normal(size=(60, 4)).astype(np.float32) * 0.01
    embeddings = unit_length(np.hstack([noise, kin]))
    judged = EvaluationQueries(np.arange(60), groups, Visibility(60, None))
    cuts = quality_by_dimensions(judged, embeddings, [4, 34, 99], 100, 0)
    assert [one.dimensions for one in cuts] == [34, 4]
    assert (cuts[0].mrr.value, cuts[0].change.value) == (1, 0)
    assert cuts[1].change.high is not None and cuts[1].change.high < -0.3
    assert (cuts[1].n_queries, cuts[1].n_kin_groups) == (60, 30)
    sentence = cuts_sentence("lora", cuts, "people")
    assert "60 evaluation tickets of 30 kin groups (labels: people)" in sentence
