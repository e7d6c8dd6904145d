"""Kinds of pairs from two tickets and frozen files: parity, independence, ordinary new tickets, bad files."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from relations_material import desk
from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.tables import IntArray, Tickets
from ticketkin.encoders.cross_encoder import load_cross_encoder
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.lexical.neighbours import tfidf_matrix
from ticketkin.lexical.shared_words import shared_words
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.relations.bands import Bands
from ticketkin.relations.causes import (
    CAUSE_ENCODER,
    CauseCalibration,
    CauseReader,
    WithCauses,
    with_cause,
)
from ticketkin.relations.classifier import FeatureKindModel
from ticketkin.relations.cross_kinds import CROSS_ENCODER, CrossKindModel
from ticketkin.relations.fitting import MODELS, fit_classifier
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.pair_state import PairState
from ticketkin.relations.pair_tickets import TermRows
from ticketkin.relations.pairs import relation_pairs
from ticketkin.relations.saving import FittedOn
from ticketkin.relations.scorer import KindScorer
from ticketkin.relations.settings import RelationModel, RelationSettings
from ticketkin.tickets.kin import kin_groups

N_EVENTS = 40


@cache
def material() -> EmbeddedTickets:
    tickets, _, texts, embeddings = desk(N_EVENTS)
    return EmbeddedTickets(tickets, texts, {"base": embeddings})


@cache
def fitted(name: RelationModel = "logistic") -> KindScorer:
    """A scorer whose state was fitted on the first half of the tickets."""
    given = material()
    tickets, links, texts, _ = desk(N_EVENTS)
    groups = kin_groups(tickets, links).group
    pairs = relation_pairs(tickets, links, groups, tfidf_matrix(texts), 0, RelationSettings())
    state = PairState.fit(given, np.arange(len(tickets) // 2))
    described = state.describe(given)
    features = state.features(described.take(pairs.left), described.take(pairs.right))
    classifier = fit_classifier(name, features, pairs.kind, pairs.block, 0)
    fitted_on = FittedOn("encoder", state.fingerprint, "tickets")
    return KindScorer(state, FeatureKindModel(state, classifier), Bands.silent(), fitted_on)


def of_pairs(kinds: KindScorer, given: EmbeddedTickets, left: IntArray, right: IntArray) -> np.ndarray:
    described = kinds.describe(given)
    return kinds.probabilities(described.take(left), described.take(right))


def one_by_one(kinds: KindScorer, given: EmbeddedTickets, left: IntArray, right: IntArray) -> np.ndarray:
    """Judge each pair by itself, from its two tickets alone."""
    alone = [kinds.describe(given.take(np.array([row]))) for row in range(len(given.texts))]
    rows = [kinds.probabilities(alone[a], alone[b])[0] for a, b in zip(left, right, strict=True)]
    return np.array(rows)


def changed(given: EmbeddedTickets, row: int, **fields: object) -> EmbeddedTickets:
    """Return the tickets with fields of one of them replaced."""
    frame = given.tickets.frame.with_columns(
        pl.when(pl.int_range(pl.len()) == row)
        .then(pl.lit(value, dtype=given.tickets.frame.schema[name]))
        .otherwise(pl.col(name))
        .alias(name)
        for name, value in fields.items()
    )
    return replace(given, tickets=Tickets(frame))


def pairs_of_all(n: int) -> tuple[IntArray, IntArray]:
    left, right = np.triu_indices(n, 1)
    return left.astype(np.int64), right.astype(np.int64)


@pytest.mark.parametrize("name", MODELS)
def test_a_pair_alone_gets_what_it_gets_among_all(name: RelationModel, tmp_path: Path) -> None:
    kinds = fitted(name)
    kinds.save(tmp_path)
    given = material().take(np.arange(0, 40, 2))
    left, right = pairs_of_all(len(given.texts))
    at_once = of_pairs(kinds, given, left, right)
    served = one_by_one(KindScorer.load(tmp_path), given, left, right)
    np.testing.assert_allclose(served, at_once, atol=1e-6)
    assert name == "majority" or len(np.unique(at_once.round(6), axis=0)) > 50


def test_a_cross_encoder_of_kinds_is_served_alike(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    model = load_cross_encoder(tiny_encoder_folder, "cpu", len(KINDS))
    model.save_pretrained(str(tmp_path / CROSS_ENCODER))
    kinds = replace(fitted(), model=CrossKindModel(model))
    kinds.save(tmp_path)
    given = material().take(np.arange(6))
    left, right = pairs_of_all(6)
    served = KindScorer.load(tmp_path, EncoderSettings(device="cpu"))
    at_once = of_pairs(kinds, given, left, right)
    np.testing.assert_allclose(one_by_one(served, given, left, right), at_once, atol=1e-6)
    np.testing.assert_allclose(at_once.sum(axis=1), 1)
    assert shared_words(served.state.words, "word0 part1", "word0", 2) == ["word0"]


def test_a_cross_encoder_of_causes_has_the_same_say_when_served(
    tiny_encoder_folder: Path, tmp_path: Path
) -> None:
    place = tmp_path / CAUSE_ENCODER
    load_cross_encoder(tiny_encoder_folder, "cpu", 1).save_pretrained(str(place))
    plain = fitted()
    reader = CauseReader(place, "cpu", CauseCalibration(2.0, 1.0))
    kinds = replace(plain, model=WithCauses(plain.model, reader))
    kinds.save(tmp_path)
    given = material().take(np.arange(6))
    left, right = pairs_of_all(6)
    at_once, without = of_pairs(kinds, given, left, right), of_pairs(plain, given, left, right)
    texts = np.array(given.texts, dtype=object)
    cause = reader.probability(texts[left].tolist(), texts[right].tolist())
    np.testing.assert_allclose(at_once, with_cause(without, cause), atol=1e-6)
    assert np.abs(at_once - without).max() > 0.01
    served = KindScorer.load(tmp_path, EncoderSettings(device="cpu"))
    np.testing.assert_allclose(one_by_one(served, given, left, right), at_once, atol=1e-6)


@for_all(
    other=st.integers(2, 4 * N_EVENTS - 1),
    field=st.sampled_from(["title", "description", "service", "category", "subcategory", "caller", "number"]),
    value=st.text(max_size=30),
    kept=st.sets(st.integers(2, 4 * N_EVENTS - 1)),
)
@settings(max_examples=40, deadline=None)
def test_no_other_ticket_changes_a_pair(other: int, field: str, value: str, kept: set[int]) -> None:
    kinds, given = fitted(), material()
    pair = (np.array([0]), np.array([1]))
    expected = of_pairs(kinds, given, *pair)
    np.testing.assert_array_equal(of_pairs(kinds, changed(given, other, **{field: value}), *pair), expected)
    fewer = given.take(np.array([0, 1, *sorted(kept)]))
    np.testing.assert_array_equal(of_pairs(kinds, fewer, *pair), expected)


@for_all(
    title=st.text(max_size=60),
    text=st.text(max_size=120),
    fields=st.dictionaries(
        st.sampled_from(["service", "category", "subcategory", "priority", "assignment_group", "caller"]),
        st.text(max_size=12),
    ),
    has_time=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_any_new_ticket_is_ordinary(title: str, text: str, fields: dict[str, str], *, has_time: bool) -> None:
    kinds, given = fitted(), material()
    new = changed(given.take(np.array([5])), 0, ticket_id="new", title=title, description=text, **fields)
    if not has_time:
        new = changed(new, 0, opened_at=None)
    new = replace(new, texts=[f"{title} {text}"])
    described = kinds.describe(given)
    later = kinds.describe(new).take(np.zeros(len(described), dtype=np.int64))
    probabilities = kinds.probabilities(described, later)
    assert np.isfinite(probabilities).all() and (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-9)


def test_a_time_that_is_not_known_counts_as_far() -> None:
    kinds, given = fitted(), material()
    state = kinds.state

    def time_features(one: EmbeddedTickets, other: EmbeddedTickets) -> list[float]:
        return state.features(state.describe(one), state.describe(other)).only("time").values[0].tolist()

    first, second = given.take(np.array([0])), given.take(np.array([1]))
    an_hour = [pytest.approx(np.log1p(1 / 24), abs=1e-6), 0.0, 1.0]
    assert time_features(first, second) == an_hour
    unknown = changed(second, 0, opened_at=None)
    years = changed(second, 0, opened_at=pl.Series(["2090-01-01"]).str.to_datetime()[0])
    assert time_features(first, unknown) == time_features(first, years) != an_hour


def test_a_corpus_without_times_has_no_features_of_time() -> None:
    given = material()
    timeless = replace(
        given, tickets=Tickets(given.tickets.frame.with_columns(opened_at=pl.lit(None, pl.Datetime("us"))))
    )
    state = PairState.fit(timeless, np.arange(80))
    described = state.describe(given)
    features = state.features(described, described)
    assert not state.has_times and "time" not in features.groups
    assert features.names == state.feature_names


def test_the_state_is_the_same_in_any_order_and_after_loading(tmp_path: Path) -> None:
    given, rows = material(), np.arange(80)
    state = PairState.fit(given, rows)
    assert PairState.fit(given, rows[::-1]).fingerprint == state.fingerprint
    assert PairState.fit(given, rows[1:]).fingerprint != state.fingerprint
    state.save(tmp_path)
    again = PairState.load(tmp_path)
    assert again.fingerprint == state.fingerprint
    assert state.common_values["category"] == ["C0", "C1", "C2"]
    # Forty tickets have C0; C1 and C2 follow by their names, twenty each.
    assert (state.describe(given).common[:, :3].sum(axis=1) == 1).all()


def test_saved_files_hold_no_word_of_a_ticket(tmp_path: Path) -> None:
    fitted().save(tmp_path)
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [word for text in material().texts for word in text.split() if word.encode() in content]
    assert b"person" not in content


def test_shared_words_stand_as_the_first_text_writes_them_the_rarest_first() -> None:
    words_of_kinds = fitted().state.words
    one = "VPN-Gateway fails on word0, part1 part1 with code ORA-00942"
    words = shared_words(words_of_kinds, one, "after part1 the vpn-gateway told ORA-00942; word0", 3)
    assert "part1" not in words, "a quarter of all tickets say it"
    assert len(words) == 3 and set(words) <= {"VPN-Gateway", "ORA-00942", "word0", "code"}
    assert "part1" in shared_words(words_of_kinds, one, "part1", 3)
    assert shared_words(words_of_kinds, one, "nothing of that", 3) == []
    assert shared_words(words_of_kinds, "", one, 3) == []
    assert shared_words(words_of_kinds, "the 漢字", "漢字", 0) == []
    assert shared_words(words_of_kinds, "it says 漢字", "漢字 too", 3) == ["漢字"]


@for_all(one=st.text(max_size=80), other=st.text(max_size=80))
@settings(max_examples=60, deadline=None)
def test_a_shared_word_stands_in_the_first_text(one: str, other: str) -> None:
    words = shared_words(fitted().state.words, one, other, 5)
    assert len(words) == len(set(words)) <= 5 and all(word in one for word in words)


def rewritten(path: Path, **change: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 9}, "is of version 9"),
        ({"common_values": {"category": ["C0"]}}, "common_values must name"),
        ({"common_values": {"category": ["C0", "C0"], "priority": [], "project": []}}, "common_values"),
        ({"common_values": {"category": [""], "priority": [], "project": []}}, "common_values must name"),
        ({"common_values": {"close_notes": [], "priority": [], "project": []}}, "is damaged"),
        ({"dimension": 0}, "is damaged"),
        ({"dimension": 17}, "was fitted over the pair state"),
        ({"has_times": False}, "was fitted over the pair state"),
        ({"has_times": "os.system"}, "is damaged"),
    ],
)
def test_a_damaged_description_of_the_state_is_reported(tmp_path: Path, change: object, message: str) -> None:
    fitted().save(tmp_path)
    rewritten(tmp_path / "pair_state.json", **change)  # type: ignore[arg-type]
    with pytest.raises(UnreadableFileError, match=rf"{message}.*ticketkin relations RUN"):
        KindScorer.load(tmp_path)


def test_damaged_arrays_of_the_state_are_reported(tmp_path: Path) -> None:
    fitted().save(tmp_path)
    path = tmp_path / "pair_state.safetensors"
    whole, arrays = path.read_bytes(), load_file(path)
    for name, value in (
        ("word_keys", arrays["word_keys"][::-1].copy()),
        ("word_idf", arrays["word_idf"][1:]),
        ("characters_idf", np.full_like(arrays["characters_idf"], np.nan)),
        ("word_unseen_idf", np.zeros(2)),
    ):
        save_file(arrays | {name: value}, path)
        with pytest.raises(UnreadableFileError, match=r"pair_state.safetensors is damaged.*relations RUN"):
            KindScorer.load(tmp_path)
    for damaged in (b"", whole[: len(whole) // 2], b"\x80\x04\x95" + whole):
        path.write_bytes(damaged)
        with pytest.raises(UnreadableFileError, match=r"pair_state.safetensors is damaged.*relations RUN"):
            KindScorer.load(tmp_path)
    save_file(arrays | {"word_idf": arrays["word_idf"] + 1}, path)
    with pytest.raises(UnreadableFileError, match="was fitted over the pair state"):
        KindScorer.load(tmp_path)
    path.unlink()
    with pytest.raises(UnreadableFileError, match="is missing"):
        KindScorer.load(tmp_path)


def test_a_state_that_lacks_a_feature_of_the_classifier_is_reported(tmp_path: Path) -> None:
    kinds = fitted()
    other = replace(kinds.state, common_values={"category": [], "priority": [], "project": []})
    replace(kinds, state=other, fitted_on=replace(kinds.fitted_on, state=other.fingerprint)).save(tmp_path)
    with pytest.raises(UnreadableFileError, match="reads features that its pair state does not give"):
        KindScorer.load(tmp_path)


def test_embeddings_of_another_encoder_are_refused() -> None:
    given = material()
    wide = {name: np.pad(vectors, ((0, 0), (0, 3))) for name, vectors in given.embeddings.items()}
    with pytest.raises(ValueError, match="embeddings of 16 dimensions are needed"):
        fitted().describe(replace(given, embeddings=wide))


def test_terms_that_a_ranking_made_are_taken_over_where_its_statistics_are_the_same() -> None:
    given, kinds = material(), fitted()
    ranking = CorpusState.fit(given, np.arange(len(given.texts) // 2))
    assert kinds.has_terms_of(ranking)
    assert not kinds.has_terms_of(CorpusState.fit(given, np.arange(len(given.texts) // 3)))
    rows = np.array([30, 2, 11])
    taken = kinds.describe(given.take(rows), TermRows.of(ranking.describe(given), rows))
    own = kinds.describe(given.take(rows))
    for name in ("words", "characters"):
        assert (getattr(taken, name) != getattr(own, name)).nnz == 0
