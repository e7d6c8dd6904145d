"""Kinds of kin: pairs, features, classifiers, their assessment, and what is saved."""

import json
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from sklearn.metrics import brier_score_loss, precision_recall_fscore_support

from relations_material import desk, typed_pairs
from ticketkin.core.errors import InputError, NotEnoughDataError, UnreadableFileError
from ticketkin.core.tables import LINKS_SCHEMA, Links, Tickets
from ticketkin.lexical.neighbours import tfidf_matrix
from ticketkin.relations.assessment import Assessment, Procedure, assess, feature_fit
from ticketkin.relations.bands import Bands
from ticketkin.relations.features import PairFeatures
from ticketkin.relations.fitting import MODELS, fit_classifier
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.pairs import STATED_SCHEMA, relation_pairs, support_notes
from ticketkin.relations.saving import FittedOn, load_classifier, read_kinds, save_kinds
from ticketkin.relations.settings import RelationSettings
from ticketkin.tickets.kin import kin_groups

SILENT_BANDS = Bands.silent()
ABC = FittedOn("abc", "s1", "t1")


@for_all(seed=st.integers(0, 40), ratio=st.sampled_from([1.0, 3.0]))
@settings(max_examples=15, deadline=None)
def test_pairs_keep_every_promise(seed: int, ratio: float) -> None:
    tickets, links, texts, _ = desk(30, seed)
    groups = kin_groups(tickets, links).group
    pairs = relation_pairs(
        tickets, links, groups, tfidf_matrix(texts), seed, RelationSettings(none_per_linked=ratio)
    )
    order = tickets.visibility.order
    assert order is not None and (order[pairs.left] < order[pairs.right]).all()
    counts = pairs.counts
    assert (counts["duplicate"], counts["related"], counts["causal"]) == (30, 30, 30)
    assert "same_category" not in pairs.mixture, "the tickets have times"
    assert counts["none"] == sum(pairs.mixture.values()) == pytest.approx(90 * ratio, rel=0.1)
    event = np.arange(len(tickets)) // 4
    none = pairs.kind == KINDS.index("none")
    assert ((event[pairs.left] == event[pairs.right]) == ~none).all(), "strangers are of another event"
    unordered = {frozenset(pair) for pair in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)}
    assert len(unordered) == len(pairs)
    block_of: dict[int, int] = {}
    for a, b, block in zip(pairs.left.tolist(), pairs.right.tolist(), pairs.block.tolist(), strict=True):
        assert block_of.setdefault(a, block) == block_of.setdefault(b, block) == block
    again = relation_pairs(
        tickets, links, groups, tfidf_matrix(texts), seed, RelationSettings(none_per_linked=ratio)
    )
    np.testing.assert_array_equal(again.left, pairs.left)
    assert pairs.forward[pairs.kind == KINDS.index("causal")].all()


def test_a_pair_stated_as_two_kinds_is_left_out_and_reported() -> None:
    tickets, links, texts, _ = desk(20)
    both = pl.DataFrame([("T1", "T0", "related", "file")], schema=dict(LINKS_SCHEMA), orient="row")
    more = Links(pl.concat([links.frame, both]))
    pairs = relation_pairs(
        tickets, more, kin_groups(tickets, more).group, tfidf_matrix(texts), 0, RelationSettings()
    )
    assert pairs.contradictions == [("T0", "T1", "causal, related")]
    assert pairs.counts["causal"] == 19 and pairs.counts["related"] == 20


def test_a_shared_problem_gives_way_to_what_people_say_of_the_pair() -> None:
    tickets, links, texts, _ = desk(20)
    shared = [("T1", "T0", "related", "problem"), ("T0", "T8", "related", "problem")]
    more = Links(pl.concat([links.frame, pl.DataFrame(shared, schema=dict(LINKS_SCHEMA), orient="row")]))
    groups = kin_groups(tickets, more).group
    pairs = relation_pairs(tickets, more, groups, tfidf_matrix(texts), 0, RelationSettings())
    assert not pairs.contradictions
    assert pairs.counts["causal"] == 20 and pairs.counts["related"] == 21


def test_by_majority_the_kind_most_people_stated_counts_and_ties_are_left_out() -> None:
    tickets, links, texts, _ = desk(20)
    rows = [
        ("T1", "T0", "related", "file"),
        ("T1", "T0", "related", "parent"),
        ("T7", "T4", "causal", "file"),
    ]
    more = Links(pl.concat([links.frame, pl.DataFrame(rows, schema=dict(LINKS_SCHEMA), orient="row")]))
    groups = kin_groups(tickets, more).group
    majority = RelationSettings(contradictions="majority")
    pairs = relation_pairs(tickets, more, groups, tfidf_matrix(texts), 0, majority)
    assert len(pairs.contradictions) == 2
    assert pairs.counts["related"] == 20, "one joined by two voices, one left out as a tie"
    assert pairs.counts["causal"] == 19


def test_without_times_no_stranger_is_drawn_for_its_hour() -> None:
    tickets, links, texts, _ = desk(20)
    untimed = Tickets(tickets.frame.with_columns(opened_at=pl.lit(None, dtype=pl.Datetime("us"))))
    groups = kin_groups(untimed, links).group
    pairs = relation_pairs(untimed, links, groups, tfidf_matrix(texts), 0, RelationSettings())
    assert pairs.mixture["same_category"] and "same_time" not in pairs.mixture


def test_what_was_reviewed_wins_and_stated_strangers_count() -> None:
    tickets, links, texts, _ = desk(20)
    stated = pl.DataFrame(
        [("T0", "T1", "none", True), ("T0", "T40", "none", False), ("T4", "T9", "causal", True)],
        schema=dict(STATED_SCHEMA),
        orient="row",
    )
    groups = kin_groups(tickets, links).group
    pairs = relation_pairs(tickets, links, groups, tfidf_matrix(texts), 0, RelationSettings(), stated)
    kinds = {
        (a, b): KINDS[kind]
        for a, b, kind in zip(pairs.left.tolist(), pairs.right.tolist(), pairs.kind.tolist(), strict=True)
    }
    assert (kinds[0, 1], kinds[0, 40], kinds[4, 9]) == ("none", "none", "causal")
    assert pairs.mixture["told"] == 2 and pairs.counts["causal"] == 20
    assert len({int(b) for a, b in zip(pairs.left, pairs.block, strict=True) if a in (0, 40)}) == 1


@for_all(seed=st.integers(0, 40), n=st.integers(0, 6))
@settings(max_examples=15, deadline=None)
def test_no_ticket_stands_in_two_blocks_whatever_was_stated(seed: int, n: int) -> None:
    tickets, links, texts, _ = desk(12)
    drawn = np.random.default_rng(seed).integers(0, len(tickets), (n, 2))
    stated = pl.DataFrame(
        [(f"T{a}", f"T{b}", "none", True) for a, b in drawn.tolist()],
        schema=dict(STATED_SCHEMA),
        orient="row",
    )
    groups = kin_groups(tickets, links).group
    try:
        pairs = relation_pairs(tickets, links, groups, tfidf_matrix(texts), seed, RelationSettings(), stated)
    except NotEnoughDataError:
        return
    block_of: dict[int, int] = {}
    for a, b, block in zip(pairs.left.tolist(), pairs.right.tolist(), pairs.block.tolist(), strict=True):
        assert block_of.setdefault(a, block) == block_of.setdefault(b, block) == block
        assert a != b
    unordered = {frozenset(pair) for pair in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)}
    assert len(unordered) == len(pairs)


def test_a_rare_or_absent_kind_is_reported() -> None:
    notes = support_notes({"duplicate": 30, "related": 4, "causal": 0, "none": 90})
    assert notes == [
        "only 4 pairs are related: it is never said with confidence",
        "no pair is causal: it can't be learned and is never said",
    ]
    tickets, _, texts, _ = desk(5)
    nothing = Links(pl.DataFrame(schema=dict(LINKS_SCHEMA)))
    with pytest.raises(NotEnoughDataError, match="No link between two tickets was found"):
        relation_pairs(tickets, nothing, np.arange(len(tickets)), tfidf_matrix(texts), 0, RelationSettings())


def test_features_say_what_they_are() -> None:
    pairs, features = typed_pairs()
    assert features.values.shape == (len(pairs), len(features.names)) and np.isfinite(features.values).all()
    tickets, _, _, embeddings = desk()
    at = features.names.index
    cosine = (embeddings[pairs.left] * embeddings[pairs.right]).sum(axis=1)
    np.testing.assert_allclose(features.values[:, at("cosine")], cosine, atol=1e-6)
    service = tickets.frame["service"].to_numpy()
    same = service[pairs.left] == service[pairs.right]
    np.testing.assert_array_equal(features.values[:, at("same_service")] == 1, same)
    caller = tickets.frame["caller"].to_numpy()
    known = (caller[pairs.left] != "") & (caller[pairs.right] != "")
    same = known & (caller[pairs.left] == caller[pairs.right])
    assert same.any() and (~known).any()
    np.testing.assert_array_equal(features.values[:, at("same_caller")] == 1, same)
    np.testing.assert_array_equal(features.values[:, at("other_caller")] == 1, known & ~same)
    causal = pairs.kind == KINDS.index("causal")
    assert (features.values[causal, at("within_day")] == 1).all()
    assert set(features.groups) == {"embedding", "similarity", "fields", "values", "time"}
    assert "cosine" not in features.without("similarity").names
    assert set(features.only("time").groups) == {"time"}


@pytest.mark.parametrize("name", MODELS)
def test_every_model_gives_probabilities_of_all_kinds(name: str) -> None:
    pairs, features = typed_pairs()
    fitted = fit_classifier(name, features, pairs.kind, pairs.block, 0)
    probabilities = fitted.probabilities(features)
    assert probabilities.shape == (len(pairs), 4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    if name != "majority":
        assert (probabilities.argmax(axis=1) == pairs.kind).mean() > 0.8
    # A kind that was never seen has no probability, and the columns keep their places.
    seen = pairs.kind != KINDS.index("related")
    fewer = fit_classifier(name, features.rows(np.flatnonzero(seen)), pairs.kind[seen], pairs.block[seen], 0)
    assert (fewer.probabilities(features)[:, KINDS.index("related")] == 0).all()
    with pytest.raises(ValueError, match="features that are not there"):
        fitted.probabilities(features.only("time"))


def test_learned_kinds_beat_the_majority_and_folds_share_no_ticket(monkeypatch: pytest.MonkeyPatch) -> None:
    from ticketkin.relations import assessment

    pairs, features = typed_pairs()
    trained_on: list[set[int]] = []
    plain = assessment.fit_classifier

    def fit(name: str, part: PairFeatures, kinds: np.ndarray, blocks: np.ndarray, *rest: object) -> object:
        trained_on.append(set(blocks.tolist()))
        return plain(name, part, kinds, blocks, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(assessment, "fit_classifier", fit)
    procedures = [Procedure(name, feature_fit(name, features, pairs)) for name in ("majority", "logistic")]
    results = {one.name: assess(one, pairs, n_repeats=2, seed=1).quality(100, 0) for one in procedures}
    assert all(blocks < set(pairs.block.tolist()) for blocks in trained_on)
    lowest, highest = results["logistic"].macro_f1.low, results["majority"].macro_f1.high
    assert lowest is not None and highest is not None and lowest > highest
    recall = results["majority"].by_kind["duplicate"].recall
    assert recall is not None and recall.value == 0
    matrix = np.array(results["logistic"].confusion)
    np.testing.assert_allclose(matrix.sum(axis=1), [pairs.counts[kind] for kind in KINDS])


@for_all(seed=st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_metrics_equal_scikit_learns(seed: int) -> None:
    generator = np.random.default_rng(seed)
    kinds = generator.integers(0, 4, 60)
    raw = generator.random((60, 4)) + np.eye(4)[kinds]
    values = raw / raw.sum(axis=1, keepdims=True)
    quality = Assessment("any", [values], kinds, np.arange(60), kinds == 2).quality(100, 0)
    predicted = values.argmax(axis=1)
    expected = precision_recall_fscore_support(kinds, predicted, labels=range(4), zero_division=0)
    present = np.unique(kinds)
    for code, name in enumerate(KINDS):
        if code in present:
            own = quality.by_kind[name]
            values_of = [interval.value for interval in (own.precision, own.recall, own.f1) if interval]
            assert values_of == pytest.approx([expected[part][code] for part in range(3)])
        else:
            assert quality.by_kind[name].f1 is None
    assert quality.macro_f1.value == pytest.approx(expected[2][present].mean())
    share = np.bincount(kinds, minlength=4) / len(kinds)
    assert quality.weighted_f1.value == pytest.approx((expected[2] * share).sum())
    brier = sum(brier_score_loss(kinds == code, values[:, code]) for code in range(4))
    assert quality.brier.value == pytest.approx(brier)


def test_reliability_holds_for_honest_probabilities() -> None:
    generator = np.random.default_rng(0)
    predicted = generator.random(20_000)
    kinds = np.where(generator.random(20_000) < predicted, 0, 3)
    values = np.stack([predicted, np.zeros_like(predicted), np.zeros_like(predicted), 1 - predicted], axis=1)
    curve = Assessment("any", [values], kinds, np.arange(20_000), kinds == 2).reliability("duplicate")
    assert len(curve) == 10 and sum(bin_.n for bin_ in curve) == 20_000
    assert all(bin_.predicted == pytest.approx(bin_.true, abs=0.04) for bin_ in curve)


def test_the_direction_of_detected_causes_is_counted() -> None:
    kinds = np.array([2, 2, 2, 2, 0, 3])
    predicted = np.array([2, 2, 2, 3, 2, 3])
    forward = np.array([True, True, False, True, True, True])
    direction = Assessment("any", [np.eye(4)[predicted]], kinds, np.arange(6), forward).direction_by_time()
    assert direction.n_detected == 3.0 and direction.share_right == pytest.approx(2 / 3)
    none = Assessment("any", [np.eye(4)[[3] * 6]], kinds, np.arange(6), forward).direction_by_time()
    assert none.n_detected == 0.0 and none.share_right is None


def test_too_few_pairs_of_a_kind_stop_the_assessment() -> None:
    pairs, features = typed_pairs(n_events=3)
    with pytest.raises(NotEnoughDataError, match="kinds have at least 5 pairs, and two are needed"):
        assess(Procedure("logistic", feature_fit("logistic", features, pairs)), pairs)


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_classifier_is_the_same_and_bound_to_its_run(name: str, tmp_path: Path) -> None:
    pairs, features = typed_pairs()
    fitted = fit_classifier(name, features, pairs.kind, pairs.block, 0)  # type: ignore[arg-type]
    save_kinds(tmp_path, fitted.name, ABC, SILENT_BANDS, fitted)
    assert not [path for path in tmp_path.rglob("*") if path.suffix in {".pkl", ".pickle", ".joblib"}]
    again = load_classifier(tmp_path)
    np.testing.assert_allclose(again.probabilities(features), fitted.probabilities(features), atol=1e-9)
    fitted_on = read_kinds(tmp_path).fitted_on
    fitted_on.require(tmp_path, encoder="abc")
    with pytest.raises(InputError, match=r"of the encoder abc….* are xyz…"):
        fitted_on.require(tmp_path, encoder="xyz")
    with pytest.raises(InputError, match=r"the tickets t1….* are t2….*another run"):
        fitted_on.require(tmp_path, encoder="abc", tickets="t2")


def test_a_kind_too_rare_to_judge_is_never_reported() -> None:
    generator = np.random.default_rng(0)
    kinds = generator.choice(4, 400, p=[0.2, 0.2, 0.2, 0.4])
    values = 0.05 + 0.8 * np.eye(4)[kinds]
    bands = Bands.fit(
        values, np.zeros(400), kinds, say_precision=0.5, suggest_precision=0.5, judged=["duplicate", "none"]
    )
    assert bands.say["duplicate"] is not None
    assert bands.say["causal"] is bands.suggest["related"] is None


def test_a_file_that_runs_a_command_when_opened_is_never_opened(tmp_path: Path) -> None:
    """The file has numpy evaluate a string, as a stranger's run folder once did."""
    pairs, features = typed_pairs()
    fitted = fit_classifier("logistic", features, pairs.kind, pairs.block, 0)
    save_kinds(tmp_path, fitted.name, ABC, SILENT_BANDS, fitted)
    marker = tmp_path / "ran"
    code = f"open({str(marker)!r}, 'w')"

    def node(loader: str, module: str, name: str, **state: object) -> dict[str, object]:
        return {"__class__": name, "__module__": module, "__loader__": loader, **state}

    text = node("JsonNode", "builtins", "str", content='""')
    evaluate = node("FunctionNode", "numpy.f2py.crackfortran", "myeval", content={})
    types = node("ListNode", "builtins", "list", content=[evaluate])
    tree = node("DictNode", "builtins", "dict", content={code: text}, key_types=types)
    with zipfile.ZipFile(tmp_path / "classifier.skops", "w") as archive:
        archive.writestr("schema.json", json.dumps(tree | {"protocol": 2, "_skops_version": "0.16.0"}))
    assert load_classifier(tmp_path).name == "logistic"
    (tmp_path / "classifier.safetensors").write_bytes((tmp_path / "classifier.skops").read_bytes())
    with pytest.raises(UnreadableFileError, match=r"is damaged .*Learn the kinds again"):
        load_classifier(tmp_path)
    assert not marker.exists()


def _rewritten(folder: Path, **change: object) -> None:
    path = folder / "classifier.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")


@pytest.mark.parametrize(
    "change",
    [
        {"family": "subprocess.Popen"},
        {"family": ""},
        {"model": "numpy.testing.runstring"},
        {"columns": [1, 2]},
        {"columns": ["cosine"]},
        {"columns": []},
        {"classes": [0, 9]},
        {"classes": [3, 0]},
        {"kinds": ["none"]},
        {"schema_version": "1"},
        {"fitted_on": None},
        {"bands": {"slope": "steep"}},
    ],
)
def test_a_description_of_something_else_is_reported(tmp_path: Path, change: dict[str, object]) -> None:
    pairs, features = typed_pairs()
    fitted = fit_classifier("majority", features, pairs.kind, pairs.block, 0)
    save_kinds(tmp_path, fitted.name, ABC, SILENT_BANDS, fitted)
    _rewritten(tmp_path, **change)
    with pytest.raises(UnreadableFileError, match="Learn the kinds again: ticketkin relations RUN"):
        load_classifier(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[" * 100_000, b"\xff\xfe\x00", b"NaN", b'{"columns": 1e999}', b"9" * 6_000, b"null"],
)
def test_a_damaged_description_is_reported(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "classifier.json").write_bytes(content)
    for read in (read_kinds, load_classifier):
        with pytest.raises(UnreadableFileError, match="Learn the kinds again: ticketkin relations RUN"):
            read(tmp_path)


@for_all(seed=st.integers(0, 60), target=st.sampled_from([0.4, 0.8, 0.95]))
@settings(max_examples=25, deadline=None)
def test_bands_reach_their_precision_or_never_speak(seed: int, target: float) -> None:
    generator = np.random.default_rng(seed)
    kinds = generator.choice(4, 400, p=[0.1, 0.05, 0.02, 0.83])
    raw = generator.random((400, 4)) ** 2 + 0.8 * np.eye(4)[kinds] * generator.random((400, 1))
    values = raw / raw.sum(axis=1, keepdims=True)
    near = generator.random(400) + (kinds < 3)
    bands = Bands.fit(values, near, kinds, say_precision=target, suggest_precision=target / 2)
    calibrated = bands.calibrated(values, near)
    np.testing.assert_allclose(calibrated.sum(axis=1), 1)
    likeliest = calibrated[:, :3].argmax(axis=1)
    for code, name in enumerate(KINDS[:3]):
        predicted = np.array(
            [likeliest[n] == code and bands.band(name, calibrated[n, code]) == "say" for n in range(400)]
        )
        if bands.say[name] is None:
            assert not predicted.any()
        else:
            assert predicted.sum() >= 5 and (kinds[predicted] == code).mean() >= target
            assert bands.suggest[name] is not None and bands.suggest[name] <= bands.say[name]
    again = TypeAdapter(Bands).validate_json(TypeAdapter(Bands).dump_json(bands))
    assert again == bands
