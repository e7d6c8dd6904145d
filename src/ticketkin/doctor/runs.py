"""What can be wrong with the files and the numbers of a run."""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from ticketkin.core.artifacts import hash_path
from ticketkin.core.checks import Check, failed, passed
from ticketkin.core.run_ownership import RECORDS
from ticketkin.evaluation.schema import metric_values
from ticketkin.runs.stages import read_record


def changed_artifacts(folder: Path) -> Check:
    """Compare every artifact with the hash that its stage recorded."""
    altered, n_checked = [], 0
    for path in sorted((folder / RECORDS).glob("*.json")):
        record = read_record(path)
        if record is None:
            altered.append(f"the record of {path.stem!r} is damaged")
            continue
        for name, expected in record.outputs.items():
            n_checked += 1
            artifact_path = folder / name
            if not artifact_path.exists():
                altered.append(f"{name} is missing")
            elif hash_path(artifact_path) != expected:
                altered.append(f"{name} was changed after {path.stem!r} wrote it")
    if altered:
        return failed(
            "artifacts",
            f"{len(altered)} of {n_checked} artifacts are not what the run made: {'; '.join(altered[:3])}",
            f"results that stand on them are stale; run again: ticketkin run --resume --out {folder}",
        )
    return passed("artifacts", f"all {n_checked} artifacts are as the run made them")


def identical_metrics(candidates: Mapping[str, Mapping[str, Any]]) -> Check:
    """Sound the alarm where two candidates agree in every metric: one of them is not what it claims.

    `candidates` are those of report.json. A tuned candidate swept to strength 0 is the base, and says so.
    """
    same = [
        f"{one} and {other}"
        for one, other in combinations(sorted(candidates), 2)
        if metric_values(candidates[one]) == metric_values(candidates[other])
        and not _untouched(candidates, one, other)
    ]
    if same:
        return failed(
            "identical_metrics",
            f"{', '.join(same)} agree in every metric to the last digit: no tie, one of them is the other",
            "examine both; an adapter that is not active gives exactly the base's numbers",
        )
    return passed("identical_metrics", f"no two of {len(candidates)} candidates agree in every metric")


def _untouched(candidates: Mapping[str, Mapping[str, Any]], one: str, other: str) -> bool:
    """Return True where a tuned candidate was swept to strength 0: then it is the base, and says so."""
    training = [candidates[name].get("training") or {} for name in (one, other)]
    return any((record.get("strength") or {}).get("chosen") == 0 for record in training)
