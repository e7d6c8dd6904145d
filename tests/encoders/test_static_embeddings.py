"""A base of static embeddings: the mean of word vectors, with no transformer and no limit of tokens."""

from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer
from typer.testing import CliRunner

from ticketkin.cli.app import app
from ticketkin.core.errors import ConfigurationError
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import load_folder
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.encoders.token_limit import NO_LIMIT
from ticketkin.serving.kin import Kin
from ticketkin.tickets.sample import write_sample

SETTINGS = EncoderSettings(device="cpu")


@pytest.fixture(scope="module")
def static_encoder_folder(tiny_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    tokenizer = Tokenizer.from_file(str(tiny_encoder_folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    vectors = np.random.default_rng(5).normal(size=(tokenizer.get_vocab_size(), 24)).astype(np.float32)
    folder = tmp_path_factory.mktemp("static") / "model"
    means = StaticEmbedding(tokenizer, embedding_weights=vectors)
    SentenceTransformer(modules=[means]).save_pretrained(str(folder))
    return folder


def test_each_text_is_read_to_its_end(static_encoder_folder: Path) -> None:
    encoder = load_folder(static_encoder_folder, SETTINGS)
    long = "printer error " * 3_000
    ends = encode_texts(encoder, [long, long + "vpn " * 3_000], None, SETTINGS)
    assert encoder.max_length_tokens == NO_LIMIT
    assert float(ends[0] @ ends[1]) < 0.99, "what stands last counts"
    with pytest.raises(ConfigurationError, match="reads each text to its end; leave the setting out"):
        load_folder(static_encoder_folder, EncoderSettings(device="cpu", max_length_tokens=64))


def test_a_run_on_it_judges_and_answers_and_the_doctor_finds_no_fault(
    static_encoder_folder: Path, tmp_path: Path
) -> None:
    write_sample(tmp_path / "s.csv", 120, 3)
    base = ["--base-model", str(static_encoder_folder), "--offline"]
    for setting in (
        "relations.model=logistic", "relations.repeats=1", "relations.folds=2", "evaluation.n_bootstrap=100",
        "evaluation.folds=2", "evaluation.repeats=1", "evaluation.shuffles=1",
    ):  # fmt: skip
        base += ["--set", setting]
    run = ["run", str(tmp_path / "s.csv"), "--out", str(tmp_path / "run"), *base]
    result = CliRunner().invoke(app, [*run, "--candidates", "head,fusion"])
    assert result.exit_code == 0, result.output
    assert CliRunner().invoke(app, ["doctor", str(tmp_path / "run" / "model")]).exit_code == 0
    with Kin.open(tmp_path / "run" / "bundle", tmp_path / "index") as kin:
        kin.add(
            [{"number": "INC1", "title": "Outlook asks for the password", "opened_at": "2024-01-05 10:00:00"}]
        )
        assert kin.relate("Outlook asks for the password again").relations
    by_split = ["--set", "evaluation.by=split", "--candidates", "lora"]
    refused = CliRunner().invoke(app, [*run[:3], str(tmp_path / "other"), *base, *by_split])
    assert refused.exit_code == 1 and "LoRA adapts the layers" in str(refused.exception)
