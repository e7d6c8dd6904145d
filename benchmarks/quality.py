"""Quality on real data: lexical, base, head, fusion and, if asked, LoRA, over several split seeds.

    python benchmarks/quality.py                      # Eclipse, five seeds, without LoRA
    python benchmarks/quality.py --lora --seeds 1     # with LoRA: about half an hour a seed on 2 cores

"fusion, no order" leaves the filing order out, which on Eclipse stands for time.
Data: reports.csv and pairs.csv of one folder. Held-out kin groups are those of the evaluation and the
holdout split together; each fusion's second level is fitted on evaluation links in folds.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
from rich.console import Console
from rich.table import Table

from real_data import DATA
from ticketkin.core.progress import SILENT
from ticketkin.core.tables import IntArray, SplitName
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.bootstrap import Resamples, mean_interval
from ticketkin.evaluation.gains import paired_gain
from ticketkin.evaluation.retrieval import RetrievalScores, evaluate_retrieval
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.candidates import encoder_candidates, fusion_ranker, simple_rankers
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import run_one_stage
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.settings import Settings

N_BOOTSTRAP = 1_000


def prepare(data: Path, seed: int, lora: bool, work: Path) -> RunData:
    """Run the stages up to the tuned encoders in a folder of their own."""
    candidates = ("lexical", "base", "head", *(("lora",) if lora else ()), "fusion")
    settings = Settings(seed=seed, candidates=candidates, encoder=EncoderSettings(offline=True))
    job = Job(
        sources=((data / "reports.csv").resolve(),),
        links_file=(data / "pairs.csv").resolve(),
        settings=settings,
    )
    folder = work / f"{data.name}-{seed}"
    for stage in ("import", "links", "split", "embed", "pairs", "head", *(("lora",) if lora else ())):
        run_one_stage(stage, folder, job=job)
    return RunData.of(folder, job)


_fit = CorpusState.fit


def _fit_without_clock(given: EmbeddedTickets, rows: IntArray) -> CorpusState:
    return replace(_fit(given, rows), clock="none", filing=None)


def measure(data: RunData, lora: bool) -> dict[str, RetrievalScores]:
    """Return the ranks of all candidates on the held-out tickets."""
    encoders = encoder_candidates(data, with_slow=lora)
    rankers = simple_rankers(data, encoders)
    best = "lora" if lora else "head"
    rankers["fusion"] = fusion_ranker(data, encoders, best, SILENT)
    with patch.object(CorpusState, "fit", _fit_without_clock):
        # What was fitted with the filing order is kept in the values of `data`: this starts from the files.
        anew = RunData.of(data.values.path(artifact.TICKETS).parent, data.job)
        rankers["fusion, no order"] = fusion_ranker(anew, encoders, best, SILENT)
    queries = np.concatenate([data.queries(SplitName.EVALUATION), data.queries(SplitName.HOLDOUT)])
    return {
        name: evaluate_retrieval(ranker, queries, data.groups.group, data.visibility)
        for name, ranker in rankers.items()
    }


def row(name: str, scores: dict[str, RetrievalScores], seed: int) -> list[str]:
    """Return one line of the table."""
    own = scores[name]
    resamples = Resamples.draw(own.clusters, N_BOOTSTRAP, seed)
    cells = []
    for metric in ("recall_at_1", "recall_at_10", "mrr"):
        interval = mean_interval(own.per_query(metric), resamples)
        cells.append(f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]")
    for against in ("base", "lexical"):
        gain = paired_gain(scores, name, against, "mrr", N_BOOTSTRAP, seed).gain
        cells.append("" if name == against else f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]")
    return cells


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA / "eclipse")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--lora", action="store_true")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmark"))
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    table = Table(
        "seed", "queries", "ranker", "R@1", "R@10", "MRR", "gain over base", "gain over lexical", box=None
    )
    means: dict[str, list[list[float]]] = {}
    for seed in range(arguments.seeds):
        scores = measure(prepare(arguments.data, seed, arguments.lora, arguments.work), arguments.lora)
        print(f"seed {seed}: fusion MRR {scores['fusion'].per_query('mrr').mean():.3f}", flush=True)
        for name, own_scores in scores.items():
            table.add_row(str(seed), str(len(own_scores.queries)), name, *row(name, scores, seed))
            means.setdefault(name, []).append(
                [float(own_scores.per_query(m).mean()) for m in ("recall_at_1", "recall_at_10", "mrr")]
            )
    for name, values in means.items():
        table.add_row("mean", "", name, *(f"{v:.3f}" for v in np.mean(values, axis=0)))
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
