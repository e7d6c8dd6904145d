"""How often is nothing called something? The whole procedure on small trackers whose links were shuffled.

    python benchmarks/null.py                # 100 shuffled trackers: half Hadoop's, half Duraspace's tickets
    python benchmarks/null.py --part 1/2     # every second of them, beside a process with --part 2/2

Each keeps the number and the sizes of the kin groups and puts them on other tickets of like fields and time.
They are judged as a run judges: as many folds, drawn as often, nested, and by the gates of a verdict. Nothing
that is found there is true; the share of "yes" should be at most 5 %. Each tracker is kept in null.jsonl of
`--work` as soon as it is judged, so that a stopped benchmark goes on where it was.
"""

import argparse
import json
from pathlib import Path
from time import perf_counter

import numpy as np

from few_links_data import prepared
from ticketkin.core.progress import SILENT
from ticketkin.evaluation.bootstrap import wilson_share
from ticketkin.evaluation.gains import PRIMARY, decisive_gains
from ticketkin.evaluation.shuffling import Shuffling
from ticketkin.evaluation.verdict import best_of
from ticketkin.evaluation.verdict_in_folds import PROCEDURE
from ticketkin.tickets.kin import KinGroups
from ticketkin.workflows.fold_verdict import cross_fitted_on, strata
from ticketkin.workflows.judging import fold_material
from ticketkin.workflows.run_data import RunData

TRACKERS = ("hadoop", "duraspace")
Trial = dict[str, str | int | float | bool | None]


def judged(data: RunData, groups: np.ndarray) -> Trial:
    """Return what a run would say of one shuffled tracker."""
    settings, started = data.job.settings, perf_counter()
    result = cross_fitted_on(fold_material(data), KinGroups(groups, np.arange(len(groups))), SILENT)
    scores = {**result.scores, PROCEDURE: result.procedure}
    proof = decisive_gains(scores, PROCEDURE, "base", settings.evaluation.n_bootstrap, settings.seed)
    best, _ = best_of("base", {PROCEDURE: proof}, settings.evaluation.smallest_gain)
    gain = proof[PRIMARY]
    return {
        "gain": gain.gain.value,
        "above_zero": gain.is_gain,
        "yes": best == PROCEDURE and result.final.champion != "base",
        "draws": result.n_repeats,
        "seconds": round(perf_counter() - started, 1),
    }


def read_trials(path: Path) -> list[Trial]:
    """Return the trials that were kept; none where the file does not exist."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def shown(trials: list[Trial]) -> None:
    """Print the gains and the share of false yes."""
    values = [float(trial["gain"] or 0.0) for trial in trials]
    low, high = np.percentile(values, [2.5, 97.5])
    print(f"gains: mean {np.mean(values):+.4f}, 95 % of them from {low:+.4f} to {high:+.4f}")
    for name, what in (("above_zero", "interval above zero"), ("yes", "false yes")):
        n = sum(bool(trial[name]) for trial in trials)
        share = wilson_share(n, len(trials))
        print(f"{what}: {n} of {len(trials)}: {share.value:.3f} [{share.low:.3f}, {share.high:.3f}]")


def main() -> None:
    """Judge the trackers that were not judged yet, and print what all of them gave."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trackers", type=int, default=100)
    parser.add_argument("--head", action="store_true", help="the linear head in the race")
    parser.add_argument("--part", default="1/1", help="which of how many processes this is, such as 1/2")
    parser.add_argument("--work", type=Path, default=Path("runs/few-links"))
    arguments = parser.parse_args()
    number, of = map(int, arguments.part.split("/"))
    candidates = ("lexical", "base", *(("head",) if arguments.head else ()), "fusion")
    arguments.work.mkdir(parents=True, exist_ok=True)
    kept = arguments.work / ("null-head.jsonl" if arguments.head else "null.jsonl")
    for name in TRACKERS:
        wanted = [n for n in range(arguments.trackers // len(TRACKERS)) if n % of == number - 1]
        done = {trial["number"] for trial in read_trials(kept) if trial["tracker"] == name}
        wanted = [n for n in wanted if n not in done]
        if not wanted:
            continue
        # Two processes never share a run folder; the texts that one of them encoded are in the cache.
        data = prepared(name, 0, arguments.work / f"part-{number}-of-{of}", candidates)
        seed = data.job.settings.seed
        shuffling = Shuffling.of(data.groups.group, strata(data), seed)
        for n in wanted:
            trial: Trial = {"tracker": name, "number": n, **judged(data, shuffling.draw(seed + n))}
            with kept.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(trial) + "\n")
            print(json.dumps(trial), flush=True)
    shown(read_trials(kept))


if __name__ == "__main__":
    main()
