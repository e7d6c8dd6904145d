"""Every recipe of the field on real reports, beside `recommended` and the untouched model.

    python benchmarks/recipes.py                     # a share of Eclipse that 2 cores can do in under an hour
    python benchmarks/recipes.py --tickets 0 --passes 1 --tokens 256   # full scale, for a GPU

Scaled down by default: reports of whole kin groups up to --tickets, texts cut at --tokens, passes
multiplied by --passes (at least one where there was one). Loss, learning rate, schedule, rank, batch size and
what is trained are the recipe's own. Every recipe gets the same split and the same pairs.
Queries are the evaluation and holdout tickets together; the strength was chosen on the evaluation half of
them, which flatters "at its strength" a little and "in full" not at all.
"""

import argparse
import os
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from real_data import DATA
from ticketkin.core.checks import Outcome
from ticketkin.core.tables import FloatArray, SplitName
from ticketkin.encoders.dense import DenseRanker
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import load_folder
from ticketkin.evaluation.gains import paired_gain
from ticketkin.evaluation.retrieval import RetrievalScores, evaluate_retrieval
from ticketkin.training.record_checks import record_checks
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job, load_settings
from ticketkin.workflows.job import run_one_stage
from ticketkin.workflows.recipes import recipes
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.settings import Settings

N_BOOTSTRAP = 1_000
# Which candidate a recipe is about, and where its model at full strength lies below its own folder.
JUDGED = {"lora": "merged", "full": "tuned", "adapted": "tuned"}


@dataclass(frozen=True)
class Scale:
    """How much smaller than the recipe is run."""

    passes: float
    tokens: int


def share_of(data: Path, n_tickets: int, work: Path, seed: int) -> tuple[Path, Path]:
    """Write reports of whole kin groups, two thirds of `n_tickets`, and strangers; return files of both."""
    reports, pairs = (
        pl.read_csv(data / "reports.csv", infer_schema=False),
        pl.read_csv(data / "pairs.csv", infer_schema=False),
    )
    if not n_tickets:
        return data / "reports.csv", data / "pairs.csv"
    generator = np.random.default_rng(seed)
    present = set(reports["id"])
    left, right = pairs.columns[:2]
    inside = pairs.filter(pl.col(left).is_in(list(present)) & pl.col(right).is_in(list(present)))
    chosen: set[str] = set()
    for place in generator.permutation(inside.height).tolist():
        chosen |= set(inside.select(left, right).row(place))
        if len(chosen) >= n_tickets * 2 // 3:
            break
    others = sorted(present - chosen)
    chosen |= set(np.array(others)[generator.permutation(len(others))[: n_tickets - len(chosen)]].tolist())
    reports.filter(pl.col("id").is_in(list(chosen))).write_csv(work / "reports.csv")
    inside.filter(pl.col(left).is_in(list(chosen)) & pl.col(right).is_in(list(chosen))).write_csv(
        work / "pairs.csv"
    )
    return work / "reports.csv", work / "pairs.csv"


def scaled(name: str, scale: Scale, assignments: list[str]) -> Settings:
    """Return a recipe's settings at a scale, all on the same split."""
    settings = load_settings(recipe=name, assignments=assignments, environment={})
    update: dict[str, Any] = {
        "split": Settings().split.model_copy(update={"train": 0.6, "evaluation": 0.2}),
        # Folds would leave a tuned encoder out, or tune it dozens of times.
        "evaluation": settings.evaluation.model_copy(update={"by": "split"}),
    }
    for section in ("lora", "full"):
        tuning = getattr(settings, section)
        passes = tuple(ceil(epochs * scale.passes) for epochs in tuning.epochs_per_phase)
        fitting = tuple(size for size in tuning.matryoshka_dimensions if size < 384)
        update[section] = tuning.model_copy(
            update={
                "epochs_per_phase": passes,
                "max_length_tokens": min(scale.tokens, tuning.max_length_tokens),
                "matryoshka_dimensions": fitting,
                "warmup_steps": round(tuning.warmup_steps * scale.passes),
            }
        )
    adapted = settings.adapted
    update["adapted"] = adapted.model_copy(update={"max_length_tokens": scale.tokens})
    update["encoder"] = settings.encoder.model_copy(
        update={"offline": True, "max_length_tokens": scale.tokens}
    )
    return settings.model_copy(update=update)


def run_recipe(settings: Settings, sources: tuple[Path, Path], folder: Path) -> tuple[RunData, list[str]]:
    """Run the stages that a recipe needs up to its models; return the run and its tuned candidates."""
    tuned: list[str] = [name for name in ("adapted", "lora", "full") if name in settings.candidates]
    job = Job(sources=(sources[0].resolve(),), links_file=sources[1].resolve(), settings=settings)
    for stage in ("import", "links", "split", "embed", "pairs", *tuned):
        if not (folder / "stages" / f"{stage}.json").exists():
            run_one_stage(stage, folder, job=job)
    return RunData.of(folder, job), tuned


def rank(data: RunData, embeddings: FloatArray) -> RetrievalScores:
    """Return the ranks of the kin of all held-out tickets."""
    queries = np.concatenate([data.queries(SplitName.EVALUATION), data.queries(SplitName.HOLDOUT)])
    return evaluate_retrieval(DenseRanker("model", embeddings), queries, data.groups.group, data.visibility)


def told(gain: Any) -> str:
    """Return a gain with its interval."""
    return f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"


def line(name: str, candidate: str, data: RunData) -> list[str]:
    """Return one line of the table."""
    settings = data.job.settings
    record = data.training_record(candidate)
    if record is None:
        raise SystemExit(f"{name}: {data.values.read(artifact.training_record(candidate))}")
    folder = data.values.path(artifact.trained(candidate))
    full = load_folder(folder / JUDGED[candidate], settings.encoder)
    kept = data.embeddings(artifact.embeddings_of(candidate))
    scores = {
        "base": rank(data, data.embeddings(artifact.BASE_EMBEDDINGS)),
        "in full": rank(data, encode_texts(full, data.texts, None, settings.encoder)),
        "kept": rank(data, kept),
    }
    gains = {
        which: paired_gain(scores, which, "base", "mrr", N_BOOTSTRAP, 0).gain for which in ("in full", "kept")
    }
    raised = [c.code for c in record_checks(record) if c.outcome in (Outcome.FAILED, Outcome.WARNING)]
    change = np.median(list(record.relative_change.values()))
    strength = None if record.strength is None else record.strength.chosen
    return [
        f"{name}: {candidate}" if name == "domain-adapt" else name,
        f"{record.settings['learning_rate']:g}",
        str(record.steps_done),
        f"{change:.1e}",
        f"{scores['in full'].per_query('mrr').mean():.3f}",
        told(gains["in full"]),
        "-" if strength is None else f"{strength:g}",
        told(gains["kept"]),
        f"{record.seconds:,.0f}",
        ", ".join(raised),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA / "eclipse")
    parser.add_argument("--tickets", type=int, default=1_000, help="reports to take; 0 takes all")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--passes", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="recipes with commas")
    parser.add_argument("--set", dest="assignments", action="append", default=[], help="section.name=value")
    parser.add_argument("--work", type=Path, default=Path("runs/recipes"))
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    arguments.work.mkdir(parents=True, exist_ok=True)
    sources = share_of(arguments.data, arguments.tickets, arguments.work, arguments.seed)
    scale = Scale(arguments.passes, arguments.tokens)
    chosen = arguments.only.split(",") if arguments.only else list(recipes())
    table = Table(
        "recipe", "rate", "steps", "||dW||/||W||", "MRR in full", "gain in full", "strength",
        "gain at its strength", "s", "raised", box=None,
    )  # fmt: skip
    first: RunData | None = None
    for name in chosen:
        settings = scaled(name, scale, arguments.assignments).model_copy(update={"seed": arguments.seed})
        data, tuned = run_recipe(settings, sources, arguments.work / name)
        first = first or data
        for candidate in tuned:
            cells = line(name, candidate, data)
            print("  ".join(cells), flush=True)
            table.add_row(*cells)
    console = Console(width=190)
    if first is not None:
        base = rank(first, first.embeddings(artifact.BASE_EMBEDDINGS))
        console.print(
            f"{len(first.tickets):,} reports, {len(base.queries):,} queries of "
            f"{len(np.unique(base.clusters)):,} kin groups; untouched MRR {base.per_query('mrr').mean():.3f}"
        )
    console.print(table)


if __name__ == "__main__":
    main()
