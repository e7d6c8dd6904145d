"""A cache that is unusable or full of garbage costs time, never the job and never a wrong vector."""

import os
import zipfile
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from ticketkin.core.errors import ConfigurationError
from ticketkin.encoders.cache import EmbeddingCache, default_cache_folder, text_key

MODEL = "a" * 64
VECTORS = np.eye(2, 4, dtype=np.float32)


class KeptMessages:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def task(self, description: str, total: int | None) -> nullcontext:
        raise AssertionError("the cache opens no bar")

    def say(self, message: str) -> None:
        self.lines.append(message)


def unusable(tmp_path: Path, how: str) -> Path:
    (tmp_path / "file").write_text("mine")
    if how == "a path too long":
        return tmp_path / "a" / ("b" * 300)
    if how == "read-only":
        return Path("/proc/ticketkin")
    return tmp_path / ("file" if how == "a file" else "file/below")


@pytest.mark.parametrize("how", ["a file", "below a file", "a path too long", "read-only"])
def test_a_cache_that_can_not_be_written_is_reported_once_and_gone_without(how: str, tmp_path: Path) -> None:
    if how == "read-only" and not Path("/proc/version").exists():
        pytest.skip("needs a place that nobody may write")
    progress = KeptMessages()
    cache = EmbeddingCache(unusable(tmp_path, how), progress)
    for _ in range(3):
        assert cache.lookup(MODEL, ["a", "b"], 4) == {}
        cache.store(MODEL, ["a", "b"], VECTORS)
    assert len(progress.lines) == 1
    assert "going on without it" in progress.lines[0] and "TICKETKIN_CACHE" in progress.lines[0]
    assert (tmp_path / "file").read_text() == "mine"


def shard_folder(tmp_path: Path) -> Path:
    EmbeddingCache(tmp_path).store(MODEL, ["a", "b"], VECTORS)
    (shard,) = tmp_path.rglob("*.npz")
    return shard.parent


def test_garbage_among_the_shards_is_reported_once_and_removed(tmp_path: Path) -> None:
    folder = shard_folder(tmp_path)
    keys = np.frombuffer(text_key("c"), dtype=np.uint8).reshape(1, -1)
    good = np.ones((1, 4), np.float32)
    (folder / "empty.npz").write_bytes(b"")
    (folder / "random.npz").write_bytes(os.urandom(5_000))
    (folder / "cut.npz").write_bytes(next(folder.glob("*.npz")).read_bytes()[:100])
    np.savez(folder / "wide.npz", keys=keys, vectors=np.ones((1, 5), np.float32))
    np.savez(folder / "nan.npz", keys=keys, vectors=good * np.nan)
    np.savez(folder / "double.npz", keys=keys, vectors=good.astype(np.float64))
    np.savez(folder / "flat.npz", keys=keys, vectors=np.ones(4, np.float32))
    np.savez(folder / "objects.npz", keys=keys, vectors=np.array([[None] * 4]))
    np.savez(folder / "keys.npz", keys=keys[:, :3], vectors=good)
    np.savez(folder / "other.npz", something=good)
    np.savez_compressed(folder / "packed.npz", keys=keys, vectors=good)
    with zipfile.ZipFile(folder / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vectors.npy", b"\0" * 10_000_000)
    n_garbage = len(list(folder.glob("*.npz"))) - 1
    (folder / "folder.npz").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.npz")
    progress = KeptMessages()
    cache = EmbeddingCache(tmp_path, progress)
    cached = cache.lookup(MODEL, ["a", "b", "c"], 4)
    assert sorted(cached) == ["a", "b"]
    np.testing.assert_array_equal(cached["a"], VECTORS[0])
    assert len(progress.lines) == 1 and f"{n_garbage} damaged files" in progress.lines[0]
    assert sorted(EmbeddingCache(tmp_path, progress).lookup(MODEL, ["a", "b", "c"], 4)) == ["a", "b"]
    assert len(progress.lines) == 1


def test_where_the_cache_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TICKETKIN_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for base in ("", "relative/place"):
        monkeypatch.setenv("XDG_CACHE_HOME", base)
        assert default_cache_folder() == tmp_path / ".cache" / "ticketkin" / "embeddings"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert default_cache_folder() == tmp_path / "x" / "ticketkin" / "embeddings"
    monkeypatch.setenv("TICKETKIN_CACHE", "")
    assert default_cache_folder() == tmp_path / "x" / "ticketkin" / "embeddings"


def test_a_user_without_a_home_is_advised_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("TICKETKIN_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(ConfigurationError, match="TICKETKIN_CACHE"):
        default_cache_folder()
