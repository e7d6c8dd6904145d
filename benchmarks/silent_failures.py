"""Silent failures: faults of the field, planted. What a plain script prints, and what Ticketkin says.

    python benchmarks/silent_failures.py
    OMP_NUM_THREADS=1 python benchmarks/silent_failures.py --jobs 7     # as many processes
    python benchmarks/silent_failures.py --clean runs/eclipse   # false alarms on a finished run, too

Each fault is real: files are saved wrongly, trainings are run with the fault. The plain script uses
sentence-transformers, peft and scikit-learn as a notebook would, and prints its number without a word.
What was looked at is kept in `--work`: a command that was stopped goes on where it stopped.
"""

import argparse
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sklearn.metrics import roc_auc_score

from adapter_faults import ADAPTER_FAULTS
from clean_runs import CLEAN_RUNS, CleanRun, alarms_of, false_alarms
from data_faults import DATA_FAULTS, DataFault
from evaluation_faults import EVALUATION_FAULTS
from fault_bench import SEED, Bench, Fault
from fault_desk import Desk, checks_of
from run_faults import RUN_FAULTS
from saved_model_faults import SAVED_MODEL_FAULTS
from ticketkin.core.checks import Check, Outcome
from training_faults import TRAINING_FAULTS

MODEL_FAULTS = (*ADAPTER_FAULTS, *SAVED_MODEL_FAULTS, *TRAINING_FAULTS, *EVALUATION_FAULTS, *RUN_FAULTS)
CLEAN_SEEDS = (1, 2, 3, 4)
_RAISED = (Outcome.FAILED, Outcome.WARNING)


@dataclass(frozen=True)
class Look:
    """What was said of one fault, or of one desk or run without a fault."""

    name: str
    planted: bool
    printed: str
    """What a plain script prints."""
    named_by: str
    """The check that explains it; else the codes of what was raised."""
    right: bool
    n_raised: int


def look_at_fault(fault: Fault | DataFault, printed: str, checks: Sequence[Check]) -> Look:
    """Return whether a planted fault was named, and explained, rightly."""
    raised = [check for check in checks if check.outcome in _RAISED]
    right = next((c for c in raised if c.code == fault.expected and fault.says in c.evidence), None)
    said = f"{right.code}: {right.evidence}" if right else ", ".join(c.code for c in raised) or "nothing"
    return Look(fault.name, True, printed, said, right is not None, len(raised))


def look_at_clean(name: str, raised: Sequence[str]) -> Look:
    """Return whether nothing was raised where nothing was planted."""
    return Look(name, False, "", "; ".join(raised) or "nothing", not raised, len(raised))


def _area_of(desk: Desk) -> str:
    """Return what a notebook prints: ROC-AUC of the links against as many random pairs, by words."""
    draw = np.random.default_rng(SEED)
    strangers = draw.integers(0, len(desk.tickets), (2, len(desk.left)))
    similar = desk.rankers["lexical"].pair_similarities
    values = np.r_[similar(desk.left, desk.right), similar(*strangers)]
    area = roc_auc_score(np.repeat([1, 0], len(desk.left)), values)
    return f"{len(desk.left)} links, AUC {area:.3f}"


def _all_looks(folder: Path) -> Mapping[str, Callable[[], Look]]:
    """Return every look by its name; `folder` takes the material."""
    bench, desk = Bench(folder), Desk.of_sample(folder, SEED)

    def of_data(fault: DataFault) -> Look:
        planted = fault.plant(desk)
        return look_at_fault(fault, _area_of(planted), checks_of(planted))

    def of_model(fault: Fault) -> Look:
        return look_at_fault(fault, *fault.run(bench))

    def of_run(name: str, run: CleanRun) -> Look:
        return look_at_clean(name, alarms_of(run, folder / run.name))

    def of_desk(name: str, seed: int) -> Look:
        checks = checks_of(Desk.of_sample(folder, seed))
        return look_at_clean(name, [check.code for check in checks if check.outcome in _RAISED])

    desks = {f"clean desk of seed {seed}": seed for seed in CLEAN_SEEDS}
    runs = {f"clean run: {run.name}": run for run in CLEAN_RUNS}
    return (
        {fault.name: partial(of_data, fault) for fault in DATA_FAULTS}
        | {fault.name: partial(of_model, fault) for fault in MODEL_FAULTS}
        | {name: partial(of_desk, name, seed) for name, seed in desks.items()}
        | {name: partial(of_run, name, run) for name, run in runs.items()}
    )


def _kept(path: Path) -> dict[str, Look]:
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    looks = (Look(**json.loads(line)) for line in lines)
    return {look.name: look for look in looks}


def _looks(wanted: str, work: Path, jobs: int) -> list[Look]:
    """Make every look whose name holds `wanted` and that `work` does not keep from before."""
    work.mkdir(parents=True, exist_ok=True)
    if jobs == 1:
        _make_part(wanted, work, 0, 1)
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            for part in [pool.submit(_make_part, wanted, work, number, jobs) for number in range(jobs)]:
                part.result()
    return [look for name, look in _kept(work / "looks.jsonl").items() if wanted in name]


def _make_part(wanted: str, work: Path, number: int, n_parts: int) -> None:
    """Make every `n_parts`-th look and add each to what `work` keeps; the material is made anew."""
    warnings.simplefilter("ignore")
    kept_in = work / "looks.jsonl"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder  # these looks at holdouts are nobody's
        all_looks = _all_looks(Path(folder))
        names = [name for name in all_looks if wanted in name][number::n_parts]
        done = _kept(kept_in)
        for name in [name for name in names if name not in done]:
            look = all_looks[name]()
            with kept_in.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(look)) + "\n")
            print(f"{name}: {'right' if look.right else 'NOT RIGHT'}", file=sys.stderr, flush=True)


def main() -> None:
    """Print the table; exit 1 if a fault is not named rightly, or anything is raised without one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clean", type=Path, nargs="*", default=[], help="finished runs without faults")
    parser.add_argument("--only", default="", help="the faults and clean runs whose name holds this text")
    parser.add_argument("--work", type=Path, help="folder that keeps what was looked at")
    parser.add_argument("--jobs", type=int, default=1, help="processes; set OMP_NUM_THREADS=1 beside it")
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with tempfile.TemporaryDirectory() as passing:
        looks = _looks(arguments.only, arguments.work or Path(passing), arguments.jobs)
    looks += [look_at_clean(finished.name, false_alarms(finished)) for finished in arguments.clean]
    table = Table("fault", "a plain script prints", "named by", "right?", box=None)
    for look in looks:
        table.add_row(*map(escape, (look.name, look.printed, look.named_by)), "yes" if look.right else "NO")
    console = Console(width=200)
    console.print(table)
    planted, clean = ([look for look in looks if look.planted is side] for side in (True, False))
    console.print(
        f"{sum(look.right for look in planted)} of {len(planted)} faults named rightly; "
        f"{sum(look.n_raised for look in clean)} false alarms on {len(clean)} without a fault"
    )
    sys.exit(not all(look.right for look in looks))


if __name__ == "__main__":
    main()
