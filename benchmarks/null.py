"""How often is nothing called something? The whole procedure on small trackers whose links were shuffled.

    python benchmarks/null.py                # 100 shuffled trackers: half Hadoop's, half Duraspace's tickets

Each keeps the number and the sizes of the kin groups and puts them on other tickets of like fields and time.
Nothing that is found there is true; the share of "yes" should be at most 5 %.
"""

import argparse
from pathlib import Path

import numpy as np

from few_links_data import prepared
from ticketkin.core.progress import SILENT
from ticketkin.evaluation.bootstrap import wilson_share
from ticketkin.workflows.fold_verdict import shuffled_gains
from ticketkin.workflows.judging import fold_material


def main() -> None:
    """Print the gains and the share of false yes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trackers", type=int, default=100)
    parser.add_argument("--head", action="store_true", help="the linear head in the race")
    parser.add_argument("--work", type=Path, default=Path("runs/few-links"))
    arguments = parser.parse_args()
    candidates = ("lexical", "base", *(("head",) if arguments.head else ()), "fusion")
    n_yes, values = 0, []
    for name in ("hadoop", "duraspace"):
        data = prepared(name, 0, arguments.work, candidates, shuffles=arguments.trackers // 2)
        gains = shuffled_gains(fold_material(data), "base", SILENT)
        n_yes += sum(gain.is_gain for gain in gains)
        values += [gain.gain.value or 0.0 for gain in gains]
        print(name, f"{len(gains)} shuffled, {sum(gain.is_gain for gain in gains)} called a gain", flush=True)
    share = wilson_share(n_yes, len(values))
    low, high = np.percentile(values, [2.5, 97.5])
    print(f"gains: mean {np.mean(values):+.4f}, 95 % of them from {low:+.4f} to {high:+.4f}")
    print(f"false yes: {n_yes} of {len(values)}: {share.value:.3f} [{share.low:.3f}, {share.high:.3f}]")


if __name__ == "__main__":
    main()
