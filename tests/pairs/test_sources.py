"""Where training pairs come from: what each source promises, alone and together."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_building import inputs

from ticket_material import make_tickets
from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import Pairs, SplitName
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.pairs.building import build_pairs
from ticketkin.pairs.drawing import PairInputs
from ticketkin.pairs.settings import PairSettings

SILVER_SOURCES = ("tfidf-hybrid", "cross-category-positives", "curriculum-bands")
TRUE_SOURCES = ("hard-negatives", "borderline", "tfidf-hard-negatives", "category-phases")


def _inputs(seed: int = 0) -> PairInputs:
    """Tickets of three categories; one text in two repeats another's words."""
    material = inputs(seed, n_groups=60)
    n = len(material.tickets)
    generator = np.random.default_rng(seed)
    texts = [
        f"{material.texts[row]} {material.texts[row - 3]}" if row % 2 and row > 3 else material.texts[row]
        for row in range(n)
    ]
    tickets = make_tickets(n, category=[f"C{k}" for k in generator.integers(0, 3, n)])
    return replace(material, tickets=tickets, texts=texts)


def _train(material: PairInputs, seed: int = 0, **change: object) -> Pairs:
    settings = PairSettings(n_neighbours=10, n_drawn=200, **change)
    return build_pairs(material, settings, EvaluationSettings().negatives_per_positive, seed).pairs


def test_the_account_says_what_each_source_gave_and_which_labels_are_silver() -> None:
    material = _inputs()
    settings = PairSettings(n_neighbours=10, n_drawn=200, sources=("links", "borderline", "tfidf-hybrid"))
    account = build_pairs(material, settings, EvaluationSettings().negatives_per_positive, 0).account
    (line,) = account.lines()
    counts = {part.source: part.counts for part in account.drawn if part.split == "train"}
    assert line == (
        f"training pairs by source: links {counts['links']}; borderline {counts['borderline']}; "
        f"tfidf-hybrid {counts['tfidf-hybrid']}, labels of a similarity (silver)"
    )
    plain = build_pairs(material, PairSettings(n_neighbours=10, n_drawn=200), 5, 0).account
    assert plain.lines() == []


@given(
    seed=st.integers(0, 30),
    sources=st.lists(st.sampled_from([*TRUE_SOURCES, *SILVER_SOURCES]), unique=True, max_size=4),
)
@settings(max_examples=25, deadline=None)
def test_sources_combine_and_never_touch_the_test_pairs(seed: int, sources: list[str]) -> None:
    material = _inputs(seed)
    plain = _train(material, seed).frame
    pairs = _train(material, seed, sources=("links", *sources)).frame
    held_out = pairs["split"] != "train"
    assert set(pairs.filter(held_out)["origin"]) <= {"file", "group", "mined"}
    for split in ("evaluation", "holdout"):
        expected = plain.filter(plain["split"] == split)
        rows = pairs.filter(pairs["split"] == split)
        assert rows.select("left", "right", "label").equals(expected.select("left", "right", "label"))
    train = pairs.filter(~held_out)
    assert train.select("left", "right").n_unique() == len(train)
    splits = dict(material.splits.frame.iter_rows())
    assert all(splits[a] == splits[b] == "train" for a, b in train.select("left", "right").iter_rows())
    group = material.groups.group
    left, right = Pairs(train).rows(material.tickets)
    kin = group[left] == group[right]
    label = train["label"].to_numpy() == 1
    assert label[kin].all(), "people's kin is never labelled strangers"
    silver = train["origin"].to_numpy() == "silver"
    assert (kin | silver)[label].all(), "kin that no person told is marked silver"


def test_the_hybrid_follows_its_shares_and_thresholds() -> None:
    material = _inputs()
    for hard_share in (0.1, 0.3, 0.6):
        train = _train(material, sources=("tfidf-hybrid",), hybrid_hard_share=hard_share).of(SplitName.TRAIN)
        frame = train.frame
        assert set(frame["origin"]) == {"silver"}
        kin = frame["label"].to_numpy() == 1
        lexical = frame["lexical_similarity"].to_numpy()
        assert (lexical[kin] > 0.5).all() and (lexical[~kin] < 0.3).all()
        category = material.tickets.frame["category"].to_numpy()
        left, right = train.rows(material.tickets)
        hard = (category[left] == category[right]) & ~kin
        assert hard.sum() / len(frame) == pytest.approx(hard_share, abs=0.1)


@given(st.integers(0, 40))
@settings(max_examples=15, deadline=None)
def test_bands_of_a_curriculum_get_harder_and_never_call_the_nearer_pair_strangers(seed: int) -> None:
    material = _inputs(seed)
    train = _train(material, seed, sources=("curriculum-bands",)).of(SplitName.TRAIN)
    frame = train.frame
    assert set(frame["phase"]) == {1, 2, 3} and set(frame["origin"]) == {"silver"}
    assert frame.select("left", "right").n_unique() == len(frame)
    left, right = train.rows(material.tickets)
    linked = material.groups.group[left] == material.groups.group[right]
    similarity, label = frame["base_similarity"].to_numpy(), frame["label"].to_numpy()
    phase = frame["phase"].to_numpy()
    for number, (kin_from, strangers_to) in enumerate([(0.52, 0.36), (0.40, 0.45), (0.30, 0.50)], start=1):
        assert similarity[(phase == number) & (label == 1)].min() >= kin_from - 1e-6
        assert similarity[(phase == number) & (label == 0)].max() <= strangers_to + 1e-6
    assert similarity[(label == 1) & ~linked].min() >= 0.5 - 1e-6, "unlinked pairs are kin where surely alike"
    means = [[similarity[(phase == number) & (label == y)].mean() for number in (1, 2, 3)] for y in (1, 0)]
    assert means[0] == sorted(means[0], reverse=True) and means[1] == sorted(means[1])


def test_phases_by_category_go_from_what_the_category_tells_to_what_it_does_not() -> None:
    material = _inputs()
    train = _train(material, sources=("category-phases",)).of(SplitName.TRAIN)
    category = material.tickets.frame["category"].to_numpy()
    left, right = train.rows(material.tickets)
    same = category[left] == category[right]
    label, phase = train.frame["label"].to_numpy(), train.frame["phase"].to_numpy()
    border = train.frame["base_similarity"].is_between(0.36, 0.52).to_numpy()
    assert set(phase) == {1, 2, 3} and "silver" not in set(train.frame["origin"])
    assert (border == (phase == 3)).all()
    assert (same == (label == 1))[phase == 1].all() and (same == (label == 0))[phase == 2].all()
    kin = material.groups.group[left] == material.groups.group[right]
    assert (kin == (label == 1)).all()


def test_phases_by_category_need_categories() -> None:
    material = replace(_inputs(), tickets=make_tickets(len(_inputs().tickets)))
    with pytest.raises(NotEnoughDataError, match="--map category=COLUMN"):
        _train(material, sources=("category-phases",))


def test_strangers_alike_in_words_lie_between_the_cosines() -> None:
    material = _inputs()
    train = _train(material, sources=("links", "tfidf-hard-negatives")).of(SplitName.TRAIN)
    frame = train.frame.filter(train.frame["label"] == 0)
    assert len(frame) and frame["lexical_similarity"].is_between(0.3 - 1e-6, 0.5 + 1e-6).all()
    assert set(frame["origin"]) == {"mined"}
    assert set(train.frame.filter(train.frame["label"] == 1)["origin"]) <= {"file", "group"}


def test_cross_category_positives_cross_categories() -> None:
    material = _inputs()
    train = _train(material, sources=("cross-category-positives", "hard-negatives")).of(SplitName.TRAIN)
    category = material.tickets.frame["category"].to_numpy()
    left, right = train.rows(material.tickets)
    kin = train.frame["label"].to_numpy() == 1
    assert kin.any() and (category[left] != category[right])[kin].all()
    assert (~kin).any(), "negatives are mined around the drawn positives"


def test_borderline_pairs_lie_between_the_similarities() -> None:
    frame = _train(_inputs(), sources=("borderline",)).of(SplitName.TRAIN).frame
    similarity = frame["base_similarity"].to_numpy()
    assert ((similarity >= 0.36 - 1e-6) & (similarity <= 0.52 + 1e-6)).all()
    assert set(frame["label"]) == {0, 1} and "silver" not in set(frame["origin"])


def test_a_source_without_positives_names_itself() -> None:
    material = replace(_inputs(), texts=[f"word{n} other{n}" for n in range(len(_inputs().tickets))])
    with pytest.raises(NotEnoughDataError, match=r"sources tfidf-hybrid gave no training pair of kin"):
        _train(material, sources=("tfidf-hybrid",))
