"""Faults of a run folder that a later command reads: files put in another order, or changed."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from safetensors.numpy import load_file, save_file
from sklearn.metrics import roc_auc_score

from clean_runs import settings_of
from fault_bench import Bench, Fault
from ticketkin.core.checks import Check, failed
from ticketkin.core.errors import TicketkinError
from ticketkin.doctor.runs import changed_artifacts
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import run_job, run_one_stage
from ticketkin.workflows.relater import Relater


def _run(bench: Bench, name: str) -> Path:
    """Return a copy of a finished run on the bench's tickets."""
    finished = bench.place("finished")
    if not finished.exists():
        assert len(bench.tickets)  # they are in sample.csv now
        job = Job(sources=(bench.place("sample.csv"),), settings=settings_of("split"))
        run_job(job, finished)
    return Path(shutil.copytree(finished, bench.place(name)))


def _refusal(command: Callable[[Path], object], folder: Path) -> list[Check]:
    try:
        command(folder)
    except TicketkinError as error:
        return [failed("refused", str(error), "")]
    return []


def _stale_pairs(bench: Bench) -> tuple[str, Sequence[Check]]:
    folder = _run(bench, "stale")
    pairs = pl.read_parquet(folder / artifact.PAIRS).with_columns(1 - pl.col("label"))
    pairs.write_parquet(folder / artifact.PAIRS)
    return f"{len(pairs)} pairs loaded", [changed_artifacts(folder)]


def _embeddings_in_another_order(bench: Bench) -> tuple[str, Sequence[Check]]:
    folder = _run(bench, "permuted")
    path, (left, right, labels) = folder / artifact.BASE_EMBEDDINGS, bench.pairs
    permuted = np.roll(artifact.BASE_EMBEDDINGS.read(path), 1, axis=0)
    artifact.BASE_EMBEDDINGS.write(path, permuted)
    area = roc_auc_score(labels, (permuted[left] * permuted[right]).sum(axis=1))
    return f"AUC {area:.4f}", _refusal(lambda run: run_one_stage("verdict", run), folder)


def _ranking_of_other_weights(bench: Bench) -> tuple[str, Sequence[Check]]:
    folder = _run(bench, "foreign")
    path = folder / artifact.RANKING / "fusion.safetensors"
    tensors = load_file(path)
    save_file({name: -values for name, values in tensors.items()}, path)
    return f"{len(tensors)} tensors loaded", _refusal(Relater, folder)


RUN_FAULTS = (
    Fault("stale pair file", _stale_pairs, "artifacts", "pairs.parquet was changed after"),
    Fault("embeddings in another order", _embeddings_in_another_order, "refused", "was changed after"),
    Fault("a ranking with other weights", _ranking_of_other_weights, "refused", "was changed after"),
)
