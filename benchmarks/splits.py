"""Are the kin groups that judge as large as those that train? Mean sizes by split, over many seeds.

    python benchmarks/splits.py                       # Eclipse
    python benchmarks/splits.py duraspace --by time   # one split: time leaves nothing to chance

Data: reports.csv of one folder, and pairs.csv or links.csv.
"""

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from real_data import DATA
from ticketkin.core.tables import SplitName
from ticketkin.tickets.settings import LinkSettings, SplitSettings
from ticketkin.tickets.splitting import split_tickets
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import run_one_stage
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.settings import Settings


def linked_tickets(folder: Path, work: Path) -> RunData:
    """Read the tickets and links of `folder`."""
    links = next(folder / name for name in ("pairs.csv", "links.csv") if (folder / name).exists())
    settings = Settings(links=LinkSettings(kinds={"addresses": "causal"}))
    job = Job(sources=((folder / "reports.csv").resolve(),), links_file=links.resolve(), settings=settings)
    for stage in ("import", "links"):
        run_one_stage(stage, work, job=job)
    return RunData.of(work, job)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=("eclipse", "hadoop", "duraspace"), nargs="?", default="eclipse")
    parser.add_argument("--by", choices=("category", "time"), default="category")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--work", type=Path)
    arguments = parser.parse_args()
    data = linked_tickets(DATA / arguments.data, arguments.work or Path("runs/splits") / arguments.data)
    tickets, groups = data.tickets, data.groups
    n_seeds = 1 if arguments.by == "time" else arguments.seeds
    counts = np.zeros((n_seeds, len(SplitName), 2))
    for seed in range(n_seeds):
        splits = split_tickets(tickets, data.texts, groups, SplitSettings(by=arguments.by), seed)
        for place, name in enumerate(SplitName):
            rows = splits.rows(tickets, name)
            with_kin = groups.group[rows][groups.has_kin[rows]]
            counts[seed, place] = len(with_kin), len(np.unique(with_kin))
    table = Table("split", "share of tickets with kin", "kin groups", "tickets a group", box=None)
    shares = counts[..., 0] / groups.has_kin.sum()
    for place, name in enumerate(SplitName):
        n_tickets, n_groups = counts[:, place].sum(axis=0)
        share = f"{shares[:, place].mean():.3f} ± {shares[:, place].std():.3f}"
        table.add_row(name, share, f"{counts[:, place, 1].mean():.1f}", f"{n_tickets / n_groups:.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
