"""What few links can prove: the whole procedure by folds, on trackers with few and on one with thinned links.

    python benchmarks/few_links.py                    # Hadoop, Duraspace; Eclipse thinned, 10 to 320 groups
    python benchmarks/few_links.py --draws 5 --head   # five draws of each, the linear head in the race

For each seed: MRR of the untouched encoder, the hybrid, the learned ranking and the procedure, the gain of
the procedure with its interval, and whether that is a yes. In a thinned tracker the kin that was dropped
stays in the file as rivals that nobody linked, so its figures are too low, for all candidates alike.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from few_links_data import kin_groups_of, prepared, thinned
from ticketkin.core.progress import SILENT
from ticketkin.evaluation.gains import PRIMARY, paired_gain
from ticketkin.evaluation.verdict_in_folds import PROCEDURE
from ticketkin.tickets.kin import KinGroups
from ticketkin.workflows.fold_verdict import cross_fitted_on
from ticketkin.workflows.judging import fold_material
from ticketkin.workflows.run_data import RunData

SIZES = (10, 20, 40, 80, 160, 320)
SHOWN = ("base", "hybrid", "fusion")


def measured(data: RunData, kin: KinGroups) -> tuple[list[str], bool, bool]:
    """Return a row of the table, whether the verdict is yes, and whether something was lost beyond chance."""
    result = cross_fitted_on(fold_material(data), kin, SILENT)
    scores = {**result.scores, PROCEDURE: result.procedure}
    gain = paired_gain(scores, PROCEDURE, "base", PRIMARY, 1_000, data.job.settings.seed)
    means = [f"{scores[name].per_query(PRIMARY).mean():.3f}" for name in (*SHOWN, PROCEDURE)]
    shown = f"{gain.gain.value:+.3f} [{gain.gain.low:+.3f}, {gain.gain.high:+.3f}]"
    row = [str(gain.n_clusters), str(gain.n_queries), *means, shown, "yes" if gain.is_gain else "no"]
    return row, gain.is_gain, gain.is_loss


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--head", action="store_true", help="the linear head in the race")
    parser.add_argument("--repeats", type=int, help="draws of the folds; default: by the number of groups")
    parser.add_argument("--work", type=Path, default=Path("runs/few-links"))
    arguments = parser.parse_args()
    candidates = ("lexical", "base", *(("head",) if arguments.head else ()), "fusion")
    table = Table("links", "seed", "groups", "queries", *SHOWN, PROCEDURE, "gain", "verdict", box=None)
    for name in ("hadoop", "duraspace"):
        for seed in range(arguments.seeds):
            data = prepared(name, seed, arguments.work, candidates, repeats=arguments.repeats)
            row, _, _ = measured(data, data.groups)
            table.add_row(name, str(seed), *row)
            print(name, seed, *row, flush=True)
    if arguments.sizes:
        data = prepared("eclipse", 0, arguments.work, candidates, repeats=arguments.repeats)
        known = kin_groups_of(data)
        for size in arguments.sizes:
            for draw in range(arguments.draws):
                kept = np.random.default_rng(draw).choice(known, size, replace=False)
                kin = replace(data.groups, group=thinned(data.groups.group, kept))
                row, _, is_loss = measured(data, kin)
                label = f"eclipse, {size}{' LOSS' if is_loss else ''}"
                table.add_row(label, str(draw), *row)
                print(label, draw, *row, flush=True)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
