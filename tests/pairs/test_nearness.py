"""Whether linked texts are told from random ones: kin pass, shuffled ends do not, few prove nothing."""

import random
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from ticket_material import make_links, make_tickets
from ticketkin.core.tables import Links, Tickets
from ticketkin.lexical.neighbours import tfidf_matrix
from ticketkin.pairs.nearness import NOTHING_COMPARED, link_nearness, pair_nearness
from tiny_model import WORDS


def couples(n: int, shared: int = 6, seed: int = 0) -> Tickets:
    """Return 2 n tickets; T0 and T1, T2 and T3 … share words."""
    draw = random.Random(seed)
    texts = []
    for _ in range(n):
        common = draw.sample(WORDS, shared)
        texts += [" ".join(common + draw.sample(WORDS, 8 - shared)) for _ in range(2)]
    return make_tickets(2 * n, title=texts)


def right(n: int) -> Links:
    return make_links([(2 * row, 2 * row + 1) for row in range(n)])


def wrong(n: int) -> Links:
    return make_links([(2 * row, (2 * row + 7) % (2 * n)) for row in range(n)])


@pytest.mark.parametrize("n", [3, 20, 40, 400])
def test_kin_are_nearer_than_chance(n: int) -> None:
    nearness = link_nearness(couples(n), right(n))
    assert nearness.is_proven and not nearness.is_chance
    assert nearness.share_nearer > 0.9
    assert nearness.linked_similarity > nearness.random_similarity


@pytest.mark.parametrize("n", [40, 80, 400])
def test_links_to_the_wrong_tickets_are_not(n: int) -> None:
    nearness = link_nearness(couples(n), wrong(n))
    assert nearness.is_chance and not nearness.is_proven
    assert "50" in nearness.evidence and f"links that share no ticket ({n})" in nearness.evidence


@pytest.mark.parametrize("n", [1, 5, 14])
def test_few_links_are_never_called_chance(n: int) -> None:
    assert not link_nearness(couples(60), Links(wrong(60).frame.head(n))).is_chance


def test_a_large_family_is_one_witness() -> None:
    star = make_links([(0, row) for row in range(1, 60)])
    assert link_nearness(couples(30), star).n_links == 1


def test_texts_without_a_common_word_say_nothing() -> None:
    tickets = make_tickets(60, title=["".join(pair) for pair in product("bdfghklm", "aeiouyzxcvnp")][:60])
    assert link_nearness(tickets, make_links([(n, n + 30) for n in range(30)])) == NOTHING_COMPARED
    assert link_nearness(make_tickets(60), make_links([(n, n + 30) for n in range(30)])) == NOTHING_COMPARED
    assert not NOTHING_COMPARED.is_chance and not NOTHING_COMPARED.is_proven
    assert link_nearness(tickets, make_links([])) == NOTHING_COMPARED


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25)
def test_neither_order_nor_direction_of_the_links_matters(seed: int) -> None:
    tickets, links = couples(30), wrong(30)
    shuffled = links.frame.sample(fraction=1, shuffle=True, seed=seed)
    turned = shuffled.rename({"source": "target", "target": "source"})
    assert link_nearness(tickets, Links(turned)) == link_nearness(tickets, links)


def test_the_statistic_is_the_area_under_the_roc_curve() -> None:
    # With one pair there is one positive: its share is the area over it and all its random pairs.
    texts = [
        "mail server down",
        "mail down again",
        "server room",
        "again and again",
        "printer",
        "mail printer",
    ]
    ordered = sorted(texts)
    words = tfidf_matrix(ordered).toarray()
    one, other = ordered.index(texts[0]), ordered.index(texts[1])
    rest = [row for row in range(len(ordered)) if row not in (one, other)]
    random_pairs = np.concatenate([words[rest] @ words[one], words[rest] @ words[other]])
    scores = np.concatenate([[words[one] @ words[other]], random_pairs])
    expected = roc_auc_score([1] + [0] * len(random_pairs), scores)
    assert pair_nearness([(texts[0], texts[1])], texts).share_nearer == pytest.approx(expected)
