"""What can be wrong with the files and the numbers of a run."""

from collections.abc import Collection, Mapping
from itertools import combinations
from pathlib import Path

from ticketkin.core.artifacts import hash_path
from ticketkin.core.checks import Check, failed, passed
from ticketkin.core.run_ownership import RECORDS
from ticketkin.core.wording import number_of
from ticketkin.runs.stages import read_record


def changed_artifacts(folder: Path) -> Check:
    """Compare every artifact with the hash that its stage recorded."""
    altered, unreadable, n_checked = list[str](), list[str](), 0
    for path in sorted((folder / RECORDS).glob("*.json")):
        record = read_record(path)
        if record is None:
            unreadable.append(repr(path.stem))
            continue
        for name, expected in record.outputs.items():
            n_checked += 1
            artifact_path = folder / name
            if not artifact_path.exists():
                altered.append(f"{name} is missing")
            elif hash_path(artifact_path) != expected:
                altered.append(f"{name} was changed after {path.stem!r} wrote it")
    faults = []
    if altered:
        faults.append(
            f"{len(altered)} of {number_of(n_checked, 'artifact')} are not what the run made: "
            f"{'; '.join(altered[:3])}"
        )
    if unreadable:
        records = number_of(len(unreadable), "stage record")
        faults.append(f"{records} can't be read, nor what was written checked: {', '.join(unreadable)}")
    if faults:
        return failed(
            "artifacts",
            ". ".join(faults),
            f"results that stand on them are stale; run again: ticketkin run --resume --out {folder}",
        )
    return passed(
        "artifacts", f"all {number_of(n_checked, 'artifact is', 'artifacts are')} as the run made them"
    )


def identical_metrics(
    metrics: Mapping[str, Mapping[str, float | None]], untouched: Collection[str] = ()
) -> Check:
    """Check that no two candidates agree in every metric: one of them would not be what it claims.

    `metrics` are the values of each candidate by name. Candidates in `untouched` were tuned, but strength 0
    was chosen: they equal the base and are not compared.
    """
    same = [
        f"{one} and {other}"
        for one, other in combinations(sorted(metrics), 2)
        if metrics[one] == metrics[other] and not {one, other} & {*untouched}
    ]
    if same:
        return failed(
            "identical_metrics",
            f"{', '.join(same)} agree in every metric to the last digit: no tie, one of them is the other",
            "examine both; an adapter that is not active gives exactly the base's numbers",
        )
    return passed(
        "identical_metrics", f"no two of {number_of(len(metrics), 'candidate')} agree in every metric"
    )
