"""Pairs: labels, borders, difficulty, and negatives that are no kin in disguise."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticket_material import make_links, make_tickets
from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import LINKS_SCHEMA, Links, Pairs, SplitName
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.lexical.neighbours import paired_cosines, tfidf_matrix
from ticketkin.pairs.building import build_pairs
from ticketkin.pairs.drawing import PairInputs
from ticketkin.pairs.mining import KinshipCodes, mine_negatives
from ticketkin.pairs.settings import PairSettings
from ticketkin.pairs.silver import silver_links, silver_negatives
from ticketkin.tickets.kin import kin_groups
from ticketkin.tickets.settings import LinkSettings, SplitSettings
from ticketkin.tickets.splitting import split_tickets
from ticketkin.training.positives import positive_pairs


def inputs(seed: int, n_groups: int = 40) -> PairInputs:
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, 4, n_groups)
    group = np.repeat(np.arange(n_groups), sizes)
    n = len(group)
    problem = [f"P{g // 4}" if generator.random() < 0.3 else "" for g in group]
    tickets = make_tickets(n, problem=problem)
    links = make_links([(i, i + 1) for i in range(n - 1) if group[i] == group[i + 1]])
    letters = [chr(97 + k) for k in range(26)]
    texts = [" ".join(generator.choice(letters, 4).tolist()) + f" word{g}" for g in group]
    centres = generator.normal(size=(n_groups, 8))[group] + generator.normal(size=(n, 8))
    embeddings = (centres / np.linalg.norm(centres, axis=1, keepdims=True)).astype(np.float32)
    groups = kin_groups(tickets, links)
    splits = split_tickets(tickets, texts, groups, SplitSettings(near_identical=1.0), seed)
    return PairInputs(tickets, texts, links, groups, splits, embeddings)


def built(material: PairInputs, seed: int) -> Pairs:
    return build_pairs(
        material, PairSettings(n_neighbours=10), EvaluationSettings().negatives_per_positive, seed
    ).pairs


@given(st.integers(0, 200))
@settings(max_examples=20, deadline=None)
def test_pairs_keep_every_promise(seed: int) -> None:
    material = inputs(seed)
    pairs = built(material, seed)
    left, right = pairs.rows(material.tickets)
    frame = pairs.frame
    split = dict(material.splits.frame.iter_rows())
    for a, b, label, where in frame.select("left", "right", "label", "split").iter_rows():
        assert split[a] == split[b] == where
        same_group = (
            material.groups.group[material.tickets.position[a]]
            == material.groups.group[material.tickets.position[b]]
        )
        assert same_group == (label == 1)
    negative = frame["label"].to_numpy() == 0
    problem = material.tickets.frame["problem"].to_numpy()
    shared = (problem[left] == problem[right]) & (problem[left] != "")
    assert not (shared & negative).any()
    unordered = {frozenset(pair) for pair in frame.select("left", "right").iter_rows()}
    assert len(unordered) == len(pairs)
    assert set(frame["phase"]) <= {1, 2, 3}
    assert frame.equals(built(material, seed).frame)


def test_harder_phases_hold_positives_that_look_less_alike() -> None:
    pairs = built(inputs(3, n_groups=200), 3).frame
    for label, sign in ((1, -1), (0, 1)):
        means = [
            pairs.filter((pairs["label"] == label) & (pairs["phase"] == phase))["base_similarity"].mean()
            for phase in (1, 2, 3)
        ]
        assert sign * (means[2] - means[0]) > 0


def test_a_negative_as_near_as_the_positive_is_left_out() -> None:
    anchor = np.array([1.0, 0.0])
    near, twin, far = (np.array(v) for v in ([0.9, 0.436], [0.999, 0.04], [0.6, 0.8]))
    embeddings = np.stack([anchor, near, twin, far]).astype(np.float32)
    kinship = KinshipCodes.of(make_tickets(4), np.array([0, 0, 1, 2]), make_links([(0, 1)]))
    mined = mine_negatives(
        np.array([0]), np.array([1]), [np.array([[1, 2, 3]])], embeddings, kinship, n_negatives=2, margin=0.95
    )
    assert mined.tolist() == [[3, -1]]


def test_a_related_ticket_is_no_negative_either() -> None:
    embeddings = np.stack([[1.0, 0.0], [0.9, 0.436], [0.0, 1.0], [0.6, 0.8]]).astype(np.float32)
    frame = pl.DataFrame(
        [("T0", "T1", "duplicate", "file"), ("T3", "T1", "related", "file"), ("T2", "T3", "causal", "file")],
        schema=dict(LINKS_SCHEMA),
        orient="row",
    )
    kinship = KinshipCodes.of(make_tickets(4), np.array([0, 0, 1, 2]), Links(frame))
    mined = mine_negatives(
        np.array([0]), np.array([1]), [np.array([[1, 2, 3]])], embeddings, kinship, n_negatives=2, margin=0.95
    )
    assert mined.tolist() == [[-1, -1]], "related to the anchor's duplicate, and the cause of that"


def test_labelled_negatives_become_hard_negatives_never_positives() -> None:
    material = inputs(5)
    pairs = built(material, 5)
    positives = positive_pairs(pairs, material.tickets, material.groups)
    train = pairs.of(SplitName.TRAIN).frame
    assert len(positives) == int((train["label"] == 1).sum())
    group = material.groups.group
    assert (group[positives.left] == group[positives.right]).all()
    anchors, columns = np.nonzero(positives.negatives >= 0)
    assert (group[positives.negatives[anchors, columns]] != group[positives.left[anchors]]).all()


def test_silver_links_say_they_are_silver_or_why_there_are_none() -> None:
    texts = [f"printer jam on floor {w} again" for w in ("one", "two", "three", "four")]
    links = silver_links(make_tickets(4), texts, LinkSettings(), 0)
    assert links.labels_from == "silver"
    with pytest.raises(NotEnoughDataError, match="give people's links with --links FILE"):
        silver_links(make_tickets(3), ["alpha beta", "gamma delta", "epsilon zeta"], LinkSettings(), 0)


@given(st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_silver_negatives_follow_the_classic_recipe(seed: int) -> None:
    material = inputs(seed)
    tickets = make_tickets(
        len(material.tickets), category=[f"C{n % 3}" for n in range(len(material.tickets))]
    )
    kinship = KinshipCodes.of(tickets, material.groups.group, material.links)
    rows = np.arange(0, len(tickets), 2)
    words = tfidf_matrix(material.texts)
    left, right = silver_negatives(tickets, words, rows, kinship, 12, np.random.default_rng(seed))
    category = tickets.frame["category"].to_numpy()
    same = category[left] == category[right]
    assert (paired_cosines(words, left, right) < 0.3).all()
    assert not kinship.related(left, right).any()
    assert set(left.tolist()) | set(right.tolist()) <= set(rows.tolist())
    assert 0 < same.sum() <= 9
    assert 0 < (~same).sum() <= 9


def test_silver_pairs_of_one_category_do_without_easy_negatives() -> None:
    tickets = make_tickets(30)
    texts = [f"word{n} other{n}" for n in range(30)]
    kinship = KinshipCodes.of(tickets, np.arange(30), make_links([]))
    left, _ = silver_negatives(
        tickets, tfidf_matrix(texts), np.arange(30), kinship, 4, np.random.default_rng(0)
    )
    assert len(left) == 3


def test_pairs_that_a_person_judged_to_be_no_kin_are_trained_on_as_strangers() -> None:
    material = inputs(3)
    group = material.groups.group
    split = dict(material.splits.frame.iter_rows())
    in_training = np.array([split[name] == "train" for name in material.tickets.ids])
    rows = np.flatnonzero(in_training)
    first = int(rows[0])
    strangers = [int(row) for row in rows if group[row] != group[first]][:3]
    linked = next(int(row) for row in rows if (group == group[row]).sum() > 1)
    kin = int(np.flatnonzero((group == group[linked]) & (np.arange(len(group)) != linked))[0])
    outside = int(np.flatnonzero(~in_training)[0])
    judged = [*((first, row) for row in strangers), (linked, kin), (first, outside)]
    told = replace(material, judged_strangers=np.array(judged, dtype=np.int64))
    result = build_pairs(told, PairSettings(n_neighbours=10), 2, 3)
    ids = material.tickets.ids
    labels = {
        frozenset((a, b)): (label, origin)
        for a, b, label, origin in result.pairs.frame.select("left", "right", "label", "origin").iter_rows()
    }
    for row in strangers:
        assert labels[frozenset((ids[first], ids[row]))] == (0, "review")
    assert labels.get(frozenset((ids[linked], ids[kin])), (1, ""))[0] == 1  # links join them all the same
    assert frozenset((ids[first], ids[outside])) not in labels
    assert {part.source: part.counts.strangers for part in result.account.drawn}["review"] == 3
