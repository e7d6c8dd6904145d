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
from ticketkin.pairs.settings import PairSettings
from ticketkin.pairs.sources import PairInputs

SILVER_SOURCES = ("tfidf-hybrid", "cross-category-positives", "curriculum-bands")


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


@given(
    seed=st.integers(0, 30),
    sources=st.lists(
        st.sampled_from(["hard-negatives", "borderline", *SILVER_SOURCES]), unique=True, max_size=4
    ),
)
@settings(max_examples=25, deadline=None)
def test_sources_combine_and_never_touch_the_test_pairs(seed: int, sources: list[str]) -> None:
    material = _inputs(seed)
    plain = _train(material, seed).frame
    pairs = _train(material, seed, sources=("links", *sources)).frame
    held_out = pairs["split"] != "train"
    assert set(pairs.filter(held_out)["origin"]) <= {"file", "group", "mined"}
    for split in ("evaluation", "holdout"):
        expected = plain.filter((plain["split"] == split) & (plain["label"] == 1))
        found = pairs.filter((pairs["split"] == split) & (pairs["label"] == 1))
        assert found.select("left", "right").equals(expected.select("left", "right"))
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


def test_bands_of_a_curriculum_do_not_overlap_and_bring_their_phases() -> None:
    material = _inputs()
    frame = _train(material, sources=("curriculum-bands",)).of(SplitName.TRAIN).frame
    assert set(frame["phase"]) == {1, 2, 3} and set(frame["origin"]) == {"silver"}
    lowest = [0.52, 0.40, 0.30]
    highest = [0.36, 0.45, 0.50]
    for number in (1, 2, 3):
        of_phase = frame.filter(frame["phase"] == number)
        kin = of_phase.filter(of_phase["label"] == 1)["base_similarity"].to_numpy()
        strangers = of_phase.filter(of_phase["label"] == 0)["base_similarity"].to_numpy()
        assert kin.min() >= lowest[number - 1] - 1e-6 and strangers.max() <= highest[number - 1] + 1e-6
        if number > 1:
            assert kin.max() < lowest[number - 2] + 1e-6 and strangers.min() > highest[number - 2] - 1e-6


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
