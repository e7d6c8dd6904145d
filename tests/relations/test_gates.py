"""Gates of a relation model, each seen to open and to shut."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from relations_material import LEARNED, REPORTED
from ticketkin.core.artifacts import write_json
from ticketkin.core.checks import Outcome
from ticketkin.core.errors import UnreadableFileError
from ticketkin.relations.fitting import MODELS
from ticketkin.relations.gates import relation_gates
from ticketkin.relations.record import RELATION_RECORD, KindsLearned
from ticketkin.workflows.artifacts import RELATIONS_JSON

_POOR = {"value": 0.1, "low": 0.02, "high": 0.2}
_HARDLY_DISTINGUISHED = {"n": 40, "precision": _POOR, "recall": _POOR, "f1": _POOR}


def _changed(path: tuple[str, ...], value: Any) -> KindsLearned:
    record = copy.deepcopy(LEARNED)
    at = record
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    return KindsLearned.model_validate(record)


@pytest.mark.parametrize("record", [LEARNED, {"learned": False, "reason": "too few links"}])
def test_the_file_is_read_and_written_in_one_shape(record: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "relations" / "relations.json"
    RELATIONS_JSON.write(path, RELATION_RECORD.validate_python(record))
    assert json.loads(path.read_text("utf-8")) == record
    assert RELATION_RECORD.dump_python(RELATIONS_JSON.read(path), mode="json") == record


@pytest.mark.parametrize(
    ("path", "place"),
    [(("model",), "model"), (("two_stage", "say_precision"), r"two_stage\.say_precision")],
)
def test_a_damaged_record_names_its_place_and_the_remedy(
    path: tuple[str, ...], place: str, tmp_path: Path
) -> None:
    record = copy.deepcopy(LEARNED)
    at = record
    for part in path[:-1]:
        at = at[part]
    del at[path[-1]]
    file = tmp_path / "relations" / "relations.json"
    write_json(file, record)
    with pytest.raises(UnreadableFileError, match=place) as raised:
        RELATIONS_JSON.read(file)
    assert f"ticketkin run --resume --out {tmp_path}" in str(raised.value)


def test_of_a_chosen_classifier_the_quality_of_choosing_it_counts() -> None:
    record = _changed(("results", "auto"), {**LEARNED["results"]["majority"]})
    assert record.kept.macro_f1.value == 0.6
    score = {"macro_f1": 0.6, "spread": 0.1, "f1": {"causal": 0.6}}
    choice = {"chosen": "logistic", "n_pairs": 90, "n_folds": 3, "scores": {"logistic": score}}
    chosen = KindsLearned.model_validate({**record.model_dump(by_alias=True), "choice": choice})
    assert chosen.kept.macro_f1.value == 0.21
    gates = {gate.code: gate.outcome for gate in relation_gates(chosen, 10)}
    assert gates["relation_better_than_majority"] is Outcome.FAILED


def test_a_good_model_passes_all() -> None:
    assert {gate.outcome for gate in relation_gates(KindsLearned.model_validate(LEARNED), 10)} == {
        Outcome.PASSED
    }


@pytest.mark.parametrize(
    ("path", "value", "code", "outcome", "evidence"),
    [
        (("labels_from",), "silver", "relation_labels", Outcome.FAILED, "circular"),
        (("results", "logistic", "by_kind", "causal", "n"), 3, "relation_support", Outcome.WARNING,
         "causal 3"),
        (("contradictions",), [["A", "B", "causal, related"]], "relation_contradictions", Outcome.WARNING,
         "A and B: causal, related"),
        (("results", "logistic", "macro_f1"), {"value": 0.25, "low": 0.2, "high": 0.3},
         "relation_better_than_majority", Outcome.FAILED, "not better beyond doubt"),
        (("results", "logistic", "by_kind", "causal"), _HARDLY_DISTINGUISHED,
         "relation_distinguished", Outcome.FAILED, "causal: not told apart better than by guessing, so never "
         "said or suggested (causal F1 0.100 [0.020, 0.200], guessing by frequency 0.095)"),
        (("results", "logistic", "reliability", "causal"), [{"said": 0.7, "true": 0.3, "n": 9.0}],
         "relation_raw_probabilities", Outcome.WARNING, "0.40 (causal)"),
        (("results", "logistic", "direction_by_time"), {"n_detected": 20.0, "share_right": 0.5},
         "relation_direction", Outcome.WARNING, "50 % of 20 detected causes"),
        (("results", "logistic", "direction_by_time"), {"n_detected": 0.0, "share_right": None},
         "relation_direction", Outcome.SKIPPED, "no cause was detected"),
        (("causes_left_out",), "the causal kind gains nothing", "relation_causes", Outcome.WARNING,
         "left out: the causal kind gains nothing"),
        (("two_stage", "pairs_by_split", "evaluation", "causal"), 0, "relation_splits", Outcome.WARNING,
         "causal in evaluation: no threshold can be set"),
        (("two_stage", "holdout", "duplicate_say"), {**REPORTED, "n_right": 20, "precision_low": 0.13,
         "precision_high": 0.29}, "relation_said_duplicate", Outcome.FAILED, "20 of 100"),
        (("two_stage", "holdout", "related_say"), {**REPORTED, "precision_low": 0.7}, "relation_said_related",
         Outcome.WARNING, "target 0.80"),
        (("two_stage", "holdout", "causal_say"), {**REPORTED, "n_said": 0}, "relation_said_causal",
         Outcome.SKIPPED, "no holdout ticket"),
        (("two_stage", "bands", "say", "causal"), None, "relation_said_causal", Outcome.SKIPPED,
         "never said"),
    ],
)  # fmt: skip
def test_each_gate_shuts(
    path: tuple[str, ...], value: Any, code: str, outcome: Outcome, evidence: str
) -> None:
    gates = {gate.code: gate for gate in relation_gates(_changed(path, value), 10)}
    assert gates[code].outcome is outcome and evidence in gates[code].evidence
    assert all(gate.outcome is Outcome.PASSED for name, gate in gates.items() if name != code)


def _hardly_distinguished(**others: dict[str, Any]) -> KindsLearned:
    """Return a record whose kept classifier does not tell causes apart, with `others` compared."""
    record = copy.deepcopy(LEARNED)
    record["results"]["logistic"]["by_kind"]["causal"] = _HARDLY_DISTINGUISHED
    record["results"] |= others
    return KindsLearned.model_validate(record)


def _advice(record: KindsLearned) -> str:
    return next(g.advice for g in relation_gates(record, 10) if g.code == "relation_distinguished")


def test_where_a_kind_is_not_distinguished_the_advice_knows_what_was_compared() -> None:
    able = copy.deepcopy(LEARNED["results"]["logistic"])
    unable = copy.deepcopy(able)
    unable["by_kind"]["causal"] = _HARDLY_DISTINGUISHED
    assert "ticketkin relations RUN --compare" in _advice(_hardly_distinguished())
    assert "ticketkin relations RUN --compare" in _advice(_hardly_distinguished(trees=unable))
    all_unable = _advice(_hardly_distinguished(**{name: unable for name in MODELS if name != "logistic"}))
    assert "--compare" not in all_unable and "None of the classifiers compared does better" in all_unable
    better = _advice(_hardly_distinguished(trees=able, mlp=unable))
    assert "trees tells causal apart" in better
    assert "ticketkin relations RUN --set relations.model=trees" in better
