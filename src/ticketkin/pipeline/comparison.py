"""Any number of models on the frozen links of one run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ticketkin.core.artifacts import atomic_path, hash_path, write_json
from ticketkin.core.errors import InputError, JobError, TicketkinError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import FloatArray, SplitName
from ticketkin.encoders.adapter import load_with_adapter
from ticketkin.encoders.adapter_files import TENSORS
from ticketkin.encoders.cache import EmbeddingCache, default_cache_folder
from ticketkin.encoders.dense import DenseRanker
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import LoadedEncoder, load_encoder, pick_device
from ticketkin.evaluation.leaderboard import Row, leaderboard
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.retrieval import RetrievalScores, evaluate_retrieval
from ticketkin.pipeline.configuration import read_job
from ticketkin.pipeline.examination import base_of_adapter
from ticketkin.pipeline.judge_stages import score_pairs
from ticketkin.pipeline.pair_files import pairs_of_run
from ticketkin.pipeline.run_data import RunData, save_csv
from ticketkin.reports.leaderboard import leaderboard_html, leaderboard_table

_N_TIMED = 64


@dataclass(frozen=True)
class Comparison:
    """The leaderboard and what could not be compared."""

    rows: list[Row]
    skipped: dict[str, str]
    """Reason by model."""
    baseline: str
    split: str
    n_queries: int
    n_clusters: int
    labels_from: str
    test_pairs_sha256: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**vars(self), "rows": [row.to_json() for row in self.rows]}


def compare_models(
    models: Sequence[str],
    folder: Path,
    baseline: str,
    split: SplitName,
    dimensions: Sequence[int] = (),
    progress: Progress = SILENT,
) -> Comparison:
    """Evaluate models on the links of one split of the run in `folder`, texts composed by its template.

    A model is a hub name, a model folder or an adapter folder; `baseline` is one of them. For each of
    `dimensions` below a model's own, its embeddings cut to so many are a row too, and one with int8 values.
    What can't be loaded is skipped with its reason; raises JobError if the baseline is.
    """
    data = RunData(folder, read_job(folder))
    queries = data.queries(split)
    if not len(queries):
        raise InputError(f"The {split} split of {folder} holds no ticket with kin that it may see")
    retrieval: dict[str, RetrievalScores] = {}
    pairs: dict[str, PairScores] = {}
    costs: dict[str, dict[str, float]] = {}
    skipped: dict[str, str] = {}
    for model in dict.fromkeys([baseline, *models]):
        progress.say(f"encoding with {model}")
        try:
            encoder = _loaded(model, data)
            embeddings, cost = _encoded(encoder, data, progress)
        except TicketkinError as error:
            skipped[model] = str(error)
            progress.say(f"  skipped: {error}")
            continue
        for name, variant, bytes_a_value in _variants(model, embeddings, dimensions):
            ranker = DenseRanker(name, variant)
            retrieval[name] = evaluate_retrieval(ranker, queries, data.groups.group, data.visibility)
            pairs[name] = score_pairs(data, ranker, split)
            size = variant.shape[1]
            costs[name] = {**cost, "dimension": size, "bytes_a_ticket": size * bytes_a_value}
    if baseline in skipped:
        raise JobError(f"The baseline {baseline} can't be compared with: {skipped[baseline]}")
    settings = data.job.settings
    rows = leaderboard(retrieval, pairs, costs, baseline, settings.evaluation.n_bootstrap, settings.seed)
    return Comparison(
        rows=rows,
        skipped=skipped,
        baseline=baseline,
        split=split.value,
        n_queries=len(queries),
        n_clusters=len(np.unique(data.groups.group[queries])),
        labels_from=data.links.labels_from,
        test_pairs_sha256=pairs_of_run(folder, split).digest(),
    )


def write_leaderboard(comparison: dict[str, Any], folder: Path) -> None:
    """Write leaderboard.json, leaderboard.csv and leaderboard.html into `folder`."""
    write_json(folder / "leaderboard.json", comparison)
    save_csv(folder / "leaderboard.csv", leaderboard_table(comparison))
    with atomic_path(folder / "leaderboard.html") as temporary:
        temporary.write_text(leaderboard_html(comparison), "utf-8")


def _loaded(model: str, data: RunData) -> LoadedEncoder:
    """Load a model; an adapter onto a fresh base, by the route whose effect is proven."""
    settings = data.job.settings.encoder.model_copy(update={"base_model": model})
    path = Path(model).expanduser()
    if not (path / "adapter_config.json").exists():
        return load_encoder(settings)
    base = base_of_adapter(path, data.job.settings.encoder)
    if base is None:
        raise InputError(f"the base model of the adapter {path} is not at hand")
    untouched = load_encoder(settings.model_copy(update={"base_model": base}))
    device = pick_device(settings)
    adapted = load_with_adapter(base, path, device)
    adapted.max_seq_length = untouched.max_length_tokens
    return LoadedEncoder(
        model=adapted,
        name=model,
        source=base,
        fingerprint=f"{untouched.fingerprint}-{hash_path(path / TENSORS)}",
        max_length_tokens=untouched.max_length_tokens,
        device=device,
        packaged=False,
    )


def _encoded(
    encoder: LoadedEncoder, data: RunData, progress: Progress
) -> tuple[FloatArray, dict[str, float]]:
    """Return all tickets' embeddings, and the speed on some tickets without the cache."""
    settings = data.job.settings.encoder
    timed = data.texts[:: max(1, len(data.texts) // _N_TIMED)][:_N_TIMED]
    started = perf_counter()
    encode_texts(encoder, timed, None, settings)
    rate = len(timed) / (perf_counter() - started)
    size = sum(weight.numel() * weight.element_size() for weight in encoder.model.parameters())
    embeddings = encode_texts(encoder, data.texts, EmbeddingCache(default_cache_folder()), settings, progress)
    return embeddings, {"texts_per_second": round(rate, 1), "size_mib": round(size / 2**20, 1)}


def _variants(
    model: str, embeddings: FloatArray, dimensions: Sequence[int]
) -> list[tuple[str, FloatArray, float]]:
    """Return the embeddings whole, cut, as int8 and as bits: name, unit-length rows, bytes a value."""
    found: list[tuple[str, FloatArray, float]] = [(model, embeddings, 4)]
    if dimensions:
        found += [
            (f"{model} [{size}]", _unit(embeddings[:, :size]), 4)
            for size in dimensions
            if size < embeddings.shape[1]
        ]
        scale = np.abs(embeddings).max(axis=0, keepdims=True) / 127
        found.append((f"{model} [int8]", _unit(np.round(embeddings / scale) * scale), 1))
        found.append((f"{model} [binary]", _unit(np.where(embeddings > 0, 1.0, -1.0)), 1 / 8))
    return found


def _unit(values: FloatArray) -> FloatArray:
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(norms, 1e-12), dtype=np.float32)
