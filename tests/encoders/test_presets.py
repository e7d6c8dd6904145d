"""Presets on small models of each architecture: prompts, pooling, limits, and tuning with them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from architecture_material import saved_model, word_tokenizer

from ticketkin.encoders.activity import prove_adapter_active
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import LoadedEncoder, load_folder
from ticketkin.encoders.presets import PRESETS, preset_of
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.training.settings import LoraSettings
from tiny_model import WORDS

SETTINGS = EncoderSettings(device="cpu", offline=True)
TEXTS = ["printer error on my laptop", "vpn not working after update", "mail"]


# A preset's name, the architecture and the pooling of the real model.
REAL = [
    ("all-mpnet-base-v2", "mpnet", "mean"),
    ("paraphrase-mpnet-base-v2", "mpnet", "mean"),
    ("all-MiniLM-L12-v2", "bert", "mean"),
    ("msmarco-distilbert-base-v4", "distilbert", "mean"),
    ("e5-base-v2", "bert", "mean"),
    ("bge-base-en-v1.5", "bert", "cls"),
    ("UAE-Large-V1", "bert", "cls"),
    ("gte-modernbert-base", "modernbert", "cls"),
    ("granite-embedding-english-r2", "modernbert", "cls"),
    ("all-MiniLM-L6-v2", "bert", "mean"),
    ("multi-qa-MiniLM-L6-cos-v1", "bert", "mean"),
    ("paraphrase-multilingual-MiniLM-L12-v2", "bert", "mean"),
    ("mxbai-embed-xsmall-v1", "bert", "mean"),
    ("gte-base", "bert", "mean"),
    ("bge-large-en-v1.5", "bert", "cls"),
    ("modernbert-embed-base", "modernbert", "mean"),
    ("granite-embedding-small-english-r2", "modernbert", "cls"),
    ("granite-embedding-30m-english", "roberta", "cls"),
    ("bge-small-en-v1.5", "bert", "cls"),
    ("e5-small-v2", "bert", "mean"),
    ("multilingual-e5-small", "bert", "mean"),
    ("gte-small", "bert", "mean"),
    ("snowflake-arctic-embed-s", "bert", "cls"),
    ("Qwen3-Embedding-0.6B", "qwen3", "lasttoken"),
    ("embeddinggemma-300m", "gemma3", "mean"),
]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _pooled_by_hand(encoder: LoadedEncoder, text: str, prompt: str, pooling: str) -> np.ndarray:
    """Embed one text without sentence-transformers."""
    import torch

    tokens = word_tokenizer()(
        prompt + text, return_tensors="pt", truncation=True, max_length=encoder.max_length_tokens
    )
    with torch.no_grad():
        states = encoder.model.transformers_model(**tokens).last_hidden_state[0]
    pooled = {"mean": states.mean(0), "cls": states[0], "lasttoken": states[-1]}[pooling]
    return torch.nn.functional.normalize(pooled, dim=0).numpy()


@pytest.mark.parametrize(("name", "architecture", "pooling"), REAL)
def test_a_preset_loads_with_its_prompt_pooling_and_limit(
    name: str, architecture: str, pooling: str, tmp_path: Path
) -> None:
    preset = preset_of(name)
    encoder = load_folder(saved_model(tmp_path / name, architecture, pooling), SETTINGS)
    if preset.max_length_tokens is not None:
        assert encoder.max_length_tokens == preset.max_length_tokens
    embeddings = encode_texts(encoder, TEXTS, None, SETTINGS)
    for text, embedding in zip(TEXTS, embeddings, strict=True):
        expected = _pooled_by_hand(encoder, text, preset.prompt, pooling)
        np.testing.assert_allclose(embedding, expected, atol=1e-5)
    if preset.prompt:
        bare = _pooled_by_hand(encoder, TEXTS[0], "", pooling)
        assert np.abs(embeddings[0] - bare).max() > 1e-3
    # What a fresh process loads from the source is the same model.
    again = load_folder(Path(encoder.source), SETTINGS)
    np.testing.assert_allclose(encode_texts(again, TEXTS, None, SETTINGS), embeddings, atol=1e-6)
    assert again.model.prompts.get(again.model.default_prompt_name or "", "") == preset.prompt


def test_every_preset_has_its_architecture_tested_or_is_refused() -> None:
    tested = {preset_of(name) for name, _, _ in REAL}
    for name, preset in PRESETS.items():
        assert preset.needs_remote_code or preset in tested, name


def test_tuning_reads_texts_with_the_prompt_and_so_does_what_it_saves(tmp_path: Path) -> None:
    pytest.importorskip("peft", reason="the extra 'lora' is not installed")
    from ticketkin.training.lora import train_lora
    from ticketkin.training.objective import KinObjective
    from ticketkin.training.tuning_data import TuningData

    encoder = load_folder(saved_model(tmp_path / "e5-base-v2", "bert", "mean"), SETTINGS)
    texts = [" ".join(WORDS[n : n + 4]) for n in range(16)]
    rows = np.arange(8)
    data = TuningData(
        texts=texts, left=rows, right=rows + 8, phase=rows % 3 + 1, group=rows,
        negatives=np.full((8, 1), -1), group_of_row=np.concatenate([rows, rows]),
        labelled_left=np.concatenate([rows, rows]),
        labelled_right=np.concatenate([rows + 8, (rows + 1) % 8 + 8]), labels=np.repeat([1, 0], 8),
        labelled_phase=np.tile(rows % 3 + 1, 2),
    )  # fmt: skip
    seen: list[str] = []
    plain = KinObjective.loss

    def loss(self: KinObjective, step: object) -> object:
        seen.append(self.model.prompts[self.model.default_prompt_name])
        return plain(self, step)  # type: ignore[arg-type]

    settings = LoraSettings(
        epochs_per_phase=(0, 0, 4), learning_rate=5e-3, batch_size=4, max_length_tokens=32
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KinObjective, "loss", loss)
        result = train_lora(encoder, data, settings, tmp_path / "out", 7)
    assert set(seen) == {"query: "}
    assert result.adapter_folder is not None
    prove_adapter_active(
        encoder, result.adapter_folder, result.folder, result.probe_texts, result.probe_embeddings
    )
    merged = load_folder(result.folder, SETTINGS)
    assert merged.model.prompts[merged.model.default_prompt_name or ""] == "query: "
    unprompted = replace(merged)
    unprompted.model.default_prompt_name = None
    bare = encode_texts(unprompted, result.probe_texts, None, SETTINGS)
    assert np.abs(bare - result.probe_embeddings).max() > 1e-3
