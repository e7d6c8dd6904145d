from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from progress_material import KeptLines
from ticketkin.core.errors import JobError
from ticketkin.core.progress import SilentProgress
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import Visibility
from ticketkin.encoders.cache import EmbeddingCache, default_cache_folder
from ticketkin.encoders.dense import DenseRanker
from ticketkin.encoders.encoding import encode_texts, halved
from ticketkin.encoders.loading import LoadedEncoder, load_folder
from ticketkin.encoders.settings import EncoderSettings
from tiny_model import WORDS

SETTINGS = EncoderSettings(device="cpu", batch_size=4)
TEXTS = ["printer error", "vpn slow", "", "printer error", "the mail server is down " * 20, "login"]


@pytest.fixture(scope="module")
def encoder(tiny_encoder_folder: Path) -> LoadedEncoder:
    return load_folder(tiny_encoder_folder, SETTINGS)


class Counter:
    """Counts the texts a model encodes, and can run out of memory or be killed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[list[str]] = []
        self.largest = 10**9
        self.kill_after = 10**9
        plain = LoadedEncoder.embed

        def embed(encoder: LoadedEncoder, batch: list[str]) -> object:
            if len(batch) > self.largest:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 GB")
            if len(self.batches) >= self.kill_after:
                raise KeyboardInterrupt
            self.batches.append(batch)
            return plain(encoder, batch)

        monkeypatch.setattr(LoadedEncoder, "embed", embed)

    @property
    def texts(self) -> list[str]:
        return [text for batch in self.batches for text in batch]


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    return Counter(monkeypatch)


def test_a_batch_is_embedded_as_sentence_transformers_does(encoder: LoadedEncoder) -> None:
    texts = ["printer error", "", "the mail server is down " * 20]
    for name, value in {"truncate_dim": 8, "default_prompt_name": "ticket"}.items():
        model = load_folder(Path(encoder.source), SETTINGS).model
        model.prompts = {"ticket": "vpn login: "}
        setattr(model, name, value)
        given = replace(encoder, model=model)
        np.testing.assert_array_equal(given.embed(texts), model.encode(texts, normalize_embeddings=True))
        model.train()  # dropout would draw other numbers each time
        np.testing.assert_array_equal(given.embed(texts), given.embed(texts))


def test_threads_embed_at_once_what_each_would_alone(encoder: LoadedEncoder) -> None:
    texts = [f"printer error {'vpn slow ' * number}" for number in range(60)]
    alone = [encode_texts(encoder, [text], None, SETTINGS) for text in texts]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda text: encode_texts(encoder, [text], None, SETTINGS), texts * 4))
    for number, embedding in enumerate(together):
        np.testing.assert_array_equal(embedding, alone[number % len(texts)])


def test_embeddings_equal_plain_encode_in_order_and_unit_length(encoder: LoadedEncoder) -> None:
    embeddings = encode_texts(encoder, TEXTS, None, SETTINGS)
    expected = encoder.model.encode(TEXTS, normalize_embeddings=True)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(embeddings, expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)


def test_equal_texts_are_encoded_once_and_get_equal_rows(encoder: LoadedEncoder, counter: Counter) -> None:
    embeddings = encode_texts(encoder, TEXTS, None, SETTINGS)
    read, _ = encoder.prepare(list(set(TEXTS)))
    assert sorted(counter.texts) == sorted(read)
    np.testing.assert_array_equal(embeddings[0], embeddings[3])


def test_no_texts_give_no_rows(encoder: LoadedEncoder) -> None:
    assert encode_texts(encoder, [], None, SETTINGS).shape == (0, 32)


def test_the_cache_answers_the_second_time(encoder: LoadedEncoder, counter: Counter, tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    first = encode_texts(encoder, TEXTS, cache, SETTINGS)
    n_batches = len(counter.batches)
    np.testing.assert_array_equal(encode_texts(encoder, TEXTS[::-1], cache, SETTINGS), first[::-1])
    assert len(counter.batches) == n_batches + 1  # a few at random, to see that it is still this model's


def test_a_cache_that_holds_the_vectors_of_others_is_not_believed(
    encoder: LoadedEncoder, tmp_path: Path
) -> None:
    texts = [f"{one} {other}" for one in WORDS[:6] for other in WORDS[6:12]]
    expected = encode_texts(encoder, texts, None, SETTINGS)
    cache, said = EmbeddingCache(tmp_path), KeptLines()
    cache.store(encoder.fingerprint, texts, np.roll(expected, 1, axis=0))
    found = encode_texts(encoder, texts, cache, SETTINGS, said)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert "removed, and all texts are encoded anew" in said.lines[0]
    again = KeptLines()
    np.testing.assert_allclose(encode_texts(encoder, texts, cache, SETTINGS, again), expected, atol=1e-5)
    assert again.lines == []


def test_another_model_shares_nothing_in_the_cache(encoder: LoadedEncoder, tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    encode_texts(encoder, TEXTS, cache, SETTINGS)
    assert cache.lookup("0" * 64, TEXTS, 32) == {}


def test_a_killed_encoding_keeps_what_was_flushed(
    encoder: LoadedEncoder, counter: Counter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ticketkin.encoders.encoding._SHARD_TEXTS", 4)
    texts = [f"{word} {other}" for word in WORDS[:4] for other in WORDS[4:8]]
    counter.kill_after = 2
    with pytest.raises(KeyboardInterrupt):
        encode_texts(encoder, texts, EmbeddingCache(tmp_path), SETTINGS)
    counter.kill_after = 10**9
    resumed = encode_texts(encoder, texts, EmbeddingCache(tmp_path), SETTINGS)
    n_rechecked = len(counter.texts) - len(texts)
    assert n_rechecked == 4 and set(counter.texts) == set(texts)
    np.testing.assert_allclose(resumed, encode_texts(encoder, texts, None, SETTINGS), atol=1e-5)


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "foreign", "unfinished"])
def test_a_damaged_shard_costs_an_encoding_never_a_wrong_vector(
    encoder: LoadedEncoder, tmp_path: Path, damage: str
) -> None:
    cache = EmbeddingCache(tmp_path)
    expected = encode_texts(encoder, TEXTS, cache, SETTINGS)
    (shard,) = (path for path in tmp_path.rglob("*") if path.is_file())
    content = shard.read_bytes()
    middle = len(content) // 2
    damaged = {
        "cut": content[:middle],
        "flip": content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :],
        "empty": b"",
        "foreign": b"PK\x03\x04 no archive",
        "unfinished": content,
    }[damage]
    if damage == "unfinished":
        shard.rename(shard.with_name(f".{shard.name}.0000.part"))
    else:
        shard.write_bytes(damaged)
    np.testing.assert_allclose(encode_texts(encoder, TEXTS, cache, SETTINGS), expected, atol=1e-5)


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "chosen"))
    assert default_cache_folder().is_relative_to(tmp_path / "chosen")
    monkeypatch.delenv("TICKETKIN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache_folder() == tmp_path / "xdg" / "ticketkin" / "embeddings"


class Lines(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


def test_the_batch_halves_until_it_fits(encoder: LoadedEncoder, counter: Counter) -> None:
    counter.largest = 1
    progress = Lines()
    embeddings = encode_texts(encoder, TEXTS, None, SETTINGS, progress)
    assert embeddings.shape == (6, 32)
    assert [line.split()[-1] for line in progress.lines] == ["2", "1"]


def test_a_text_that_never_fits_says_what_to_do(encoder: LoadedEncoder, counter: Counter) -> None:
    counter.largest = 0
    with pytest.raises(JobError, match=r"A single text does not fit.*encoder.max_length_tokens"):
        encode_texts(encoder, TEXTS, None, SETTINGS)


def test_other_errors_are_not_taken_for_memory() -> None:
    with pytest.raises(RuntimeError, match="shape mismatch"):
        halved(8, RuntimeError("shape mismatch"))


def test_values_that_are_no_numbers_are_refused(
    encoder: LoadedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        LoadedEncoder, "embed", lambda _, batch: np.full((len(batch), 32), np.nan, dtype=np.float32)
    )
    with pytest.raises(JobError, match="not finite numbers"):
        encode_texts(encoder, TEXTS, None, SETTINGS)


def test_token_lengths_are_uncut(encoder: LoadedEncoder) -> None:
    lengths = encoder.token_lengths(["printer", "", "printer " * 500])
    assert lengths.tolist() == [3, 2, 502]
    assert encoder.token_lengths([]).tolist() == []
    encoder.model.encode(["printer " * 500])  # the limit holds again afterwards: no position overflow


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
def test_any_text_encodes_and_does_not_depend_on_its_neighbours(
    encoder: LoadedEncoder, texts: list[str]
) -> None:
    together = encode_texts(encoder, texts, None, SETTINGS)
    alone = np.concatenate([encode_texts(encoder, [text], None, SETTINGS) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_dense_ranker_ranks_by_cosine() -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(7, 5)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    ranker: Ranker = DenseRanker("base", embeddings)
    queries = np.array([2, 5])
    scores = ranker.similarities(queries, Visibility(7, None))
    expected = [[float(embeddings[q] @ embeddings[t]) for t in range(7)] for q in queries]
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    left, right = np.array([0, 3]), np.array([6, 3])
    pairs = ranker.pair_similarities(left, right)
    np.testing.assert_allclose(pairs, [embeddings[0] @ embeddings[6], 1], atol=1e-6)
    np.testing.assert_array_equal(pairs, ranker.pair_similarities(right, left))


def test_a_fingerprint_that_begins_with_another_finds_none_of_its_vectors(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.store("a" * 64, ["text"], np.ones((1, 3), np.float32))
    assert cache.lookup("a" * 64 + "-0.5", ["text"], 3) == {}
    assert list(cache.lookup("a" * 64, ["text"], 3)) == ["text"]
