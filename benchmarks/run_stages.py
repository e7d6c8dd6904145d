"""A run on Eclipse, stage by stage, by several versions of Ticketkin that take turns.

    git worktree add ../before 5d1ea2e
    python benchmarks/run_stages.py ../before . --rounds 3

Each version is a checkout that runs with the packages of this environment. A round that is not counted
fills the cache of embeddings. Prints the medians of the seconds of each stage and of the whole command by the
clock, of its processor seconds and of the most memory it took.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from real_data import DATA

_COMMAND = "from ticketkin.cli.entry import main; main()"
_TOTALS = ("whole command", "processor", "memory, MB")


def measured(tree: Path, folder: Path) -> dict[str, float]:
    """Return the seconds of each stage, and the totals, of one run into `folder`."""
    data = (DATA / "eclipse").resolve()
    job = [str(data / "reports.csv"), "--links", str(data / "pairs.csv"), "--offline", "--out", str(folder)]
    command = [sys.executable, "-c", _COMMAND, "run", *job, "--candidates", "lexical,base,head,fusion"]
    environment = {**os.environ, "PYTHONPATH": str((tree / "src").resolve()), "HF_HUB_OFFLINE": "1"}
    with (folder.parent / f"{folder.name}.log").open("w") as log:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{tree}: {Path(log.name).read_text()}")
    records = sorted((folder / "stages").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    stages = {path.stem: float(json.loads(path.read_text())["seconds"]) for path in records}
    totals = (seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
    return {**stages, **dict(zip(_TOTALS, totals, strict=True))}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trees", type=Path, nargs="+", help="checkouts, one of each version")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    taken: dict[Path, list[dict[str, float]]] = {tree: [] for tree in arguments.trees}
    with tempfile.TemporaryDirectory() as work:
        for number in range(arguments.rounds + 1):
            for place, (tree, rounds) in enumerate(taken.items()):
                one = measured(tree, Path(work) / f"{place}-{number}")
                if number:
                    rounds.append(one)
                    print(number, tree, {name: round(value, 1) for name, value in one.items()}, flush=True)
    table = Table("stage", *(str(tree) for tree in taken), box=None)
    stages = dict.fromkeys(name for rounds in taken.values() for name in rounds[-1] if name not in _TOTALS)
    for name in (*stages, *_TOTALS):
        row = [[one[name] for one in rounds if name in one] for rounds in taken.values()]
        table.add_row(name, *(f"{median(values):,.1f}" if values else "" for values in row))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
