"""Gates of a relation model, each seen to open and to shut."""

import copy
from typing import Any

import pytest

from ticketkin.core.checks import Outcome
from ticketkin.relations.gates import relation_gates

_BINS = [{"said": 0.1, "true": 0.1, "n": 90.0}, {"said": 0.9, "true": 0.9, "n": 10.0}]
_SAID = {"n_said": 100, "n_right": 95, "precision_low": 0.89, "precision_high": 0.98}
GOOD: dict[str, Any] = {
    "model": "logistic",
    "labels_from": "person",
    "counts": {"duplicate": 40, "related": 40, "causal": 40, "none": 300},
    "contradictions": [],
    "contradiction_rule": "drop",
    "results": {
        "logistic": {
            "macro_f1": {"value": 0.6, "low": 0.55, "high": 0.65},
            "direction_by_time": {"n_detected": 20.0, "share_right": 0.95},
            "reliability": dict.fromkeys(("duplicate", "related", "causal", "none"), _BINS),
        },
        "majority": {"macro_f1": {"value": 0.21, "low": 0.2, "high": 0.22}},
    },
    "two_stage": {
        "say_precision": 0.8,
        "pairs_by_split": {
            split: {"duplicate": 9, "related": 9, "causal": 9, "none": 9}
            for split in ("train", "evaluation", "holdout")
        },
        "bands": {"say": {"duplicate": 0.7, "related": 0.7, "causal": 0.7}},
        "holdout": {f"{kind}_say": _SAID for kind in ("duplicate", "related", "causal")},
    },
}


def _changed(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    record = copy.deepcopy(GOOD)
    at = record
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    return record


def test_a_good_model_passes_all() -> None:
    assert {gate.outcome for gate in relation_gates(GOOD, 10)} == {Outcome.PASSED}


@pytest.mark.parametrize(
    ("path", "value", "code", "outcome", "told"),
    [
        (("labels_from",), "silver", "relation_labels", Outcome.FAILED, "circular"),
        (("counts", "causal"), 3, "relation_support", Outcome.WARNING, "causal 3"),
        (("contradictions",), [["A", "B", "causal, related"]], "relation_contradictions", Outcome.WARNING,
         "A and B: causal, related"),
        (("results", "logistic", "macro_f1"), {"value": 0.25, "low": 0.2, "high": 0.3},
         "relation_better_than_majority", Outcome.FAILED, "not better beyond doubt"),
        (("results", "logistic", "reliability", "causal"), [{"said": 0.7, "true": 0.3, "n": 9.0}],
         "relation_raw_probabilities", Outcome.WARNING, "0.40 (causal)"),
        (("results", "logistic", "direction_by_time"), {"n_detected": 20.0, "share_right": 0.5},
         "relation_direction", Outcome.WARNING, "50% of the 20"),
        (("results", "logistic", "direction_by_time"), {"n_detected": 0.0, "share_right": None},
         "relation_direction", Outcome.SKIPPED, "no cause was detected"),
        (("two_stage", "pairs_by_split", "evaluation", "causal"), 0, "relation_splits", Outcome.WARNING,
         "causal in evaluation: no threshold can be set"),
        (("two_stage", "holdout", "duplicate_say"), {**_SAID, "n_right": 20, "precision_low": 0.13,
         "precision_high": 0.29}, "relation_said_duplicate", Outcome.FAILED, "20 of 100"),
        (("two_stage", "holdout", "related_say"), {**_SAID, "precision_low": 0.7}, "relation_said_related",
         Outcome.WARNING, "target 0.80"),
        (("two_stage", "holdout", "causal_say"), {**_SAID, "n_said": 0}, "relation_said_causal",
         Outcome.SKIPPED, "no holdout ticket"),
        (("two_stage", "bands", "say", "causal"), None, "relation_said_causal", Outcome.SKIPPED,
         "never said"),
    ],
)  # fmt: skip
def test_each_gate_shuts(path: tuple[str, ...], value: Any, code: str, outcome: Outcome, told: str) -> None:
    gates = {gate.code: gate for gate in relation_gates(_changed(path, value), 10)}
    assert gates[code].outcome is outcome and told in gates[code].evidence
    assert all(gate.outcome is Outcome.PASSED for name, gate in gates.items() if name != code)
