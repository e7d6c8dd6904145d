"""What can an evaluation split of so many kin groups prove? By simulation.

    python benchmarks/power.py

Each study draws the gain of every kin group in MRR from a normal distribution with the spread that real
trackers show (.31 on Hadoop, .20 on Duraspace: half the width of the interval of a gain, times the root of
the number of groups, by 1.96), and asks the verdict's two questions: does the interval lie above zero, and
does the sign-flip test agree? The table holds the share of studies that say yes, with Wilson's interval, and
without any true gain the share of false ones. `evaluation/power.py` takes its constant from here.
"""

import argparse

import numpy as np
from rich.console import Console
from rich.table import Table

from ticketkin.evaluation.bootstrap import MOST_BY_CHANCE, Resamples, percentile_interval, wilson_share
from ticketkin.evaluation.sign_flips import sign_flip_p_value

GROUPS = (20, 40, 60, 80, 120, 200)
GAINS = (0.0, 0.05, 0.10, 0.15)


def share_of_yes(n_groups: int, gain: float, spread: float, n_studies: int) -> str:
    """Return in which share of studies a gain is proven."""
    generator = np.random.default_rng(n_groups)
    clusters = np.arange(n_groups)
    resamples = Resamples.draw(clusters, 500, 0)
    n_yes = 0
    for study in range(n_studies):
        differences = gain + spread * generator.normal(size=n_groups)
        interval = percentile_interval(float(differences.mean()), resamples.means(differences))
        is_above = interval.low is not None and interval.low > 0
        n_yes += is_above and sign_flip_p_value(differences, clusters, study) <= MOST_BY_CHANCE
    share = wilson_share(int(n_yes), n_studies)
    return f"{share.value:.2f} [{share.low:.2f}, {share.high:.2f}]"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spread", type=float, nargs="+", default=[0.20, 0.31])
    parser.add_argument("--studies", type=int, default=200)
    arguments = parser.parse_args()
    for spread in arguments.spread:
        table = Table(
            "kin groups", *(f"gain {gain:.2f}" for gain in GAINS), box=None, title=f"spread {spread}"
        )
        for n_groups in GROUPS:
            shares = [share_of_yes(n_groups, gain, spread, arguments.studies) for gain in GAINS]
            table.add_row(str(n_groups), *shares)
        Console(width=120).print(table)


if __name__ == "__main__":
    main()
