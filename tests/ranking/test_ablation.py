"""What a ranking is worth without text, fields or filing times, where kin share just one of them."""

import numpy as np
import pytest
from ranking_material import N_GROUPS, SETTINGS, SIZE, N

from ticket_material import make_tickets
from ticketkin.evaluation.metrics import METRICS
from ticketkin.ranking.ablation import Ablation
from ticketkin.ranking.candidate_lists import candidate_lists
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.contender import FusionContender, ranks_beyond
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.ranking.pair_features import Part, feature_names
from ticketkin.ranking.shrinkage import DEFAULT

GROUP = np.tile(np.arange(N_GROUPS), SIZE)  # kin are filed far apart
SEEN = np.arange(N_GROUPS) < 40


def ablation(shared: str) -> Ablation:
    """Kin share their words, their service, or the hour in which they were filed; all else is drawn."""
    draw = np.random.default_rng(0)
    group = np.sort(GROUP) if shared == "filing times" else GROUP
    word = group if shared == "text" else draw.integers(0, 2, N)
    service = group if shared == "fields" else draw.integers(0, 5, N)
    centres = draw.normal(size=(N, 16))
    vectors = centres[word] + 0.5 * draw.normal(size=(N, 16))
    embeddings = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    titles = [f"word{one}x fault" for one in word]
    opened = [f"2024-{1 + n // 28 % 12:02d}-{1 + n % 28:02d}" for n in range(N)]
    tickets = make_tickets(N, opened=opened, title=titles, service=[f"s{one}" for one in service])
    given = EmbeddedTickets(tickets, titles, {"base": embeddings, "tuned": embeddings})
    state = CorpusState.fit(given, np.arange(N))
    columns = state.describe(given)
    queries = np.flatnonzero(np.isin(np.arange(N), np.unique(group, return_index=True)[1], invert=True))
    lists = candidate_lists(state, columns, queries, SETTINGS.depth)
    beyond = ranks_beyond(embeddings, lists, group, tickets.visibility)
    contender = FusionContender(lists, feature_names(state), group, group, beyond, (DEFAULT,), 0)
    return Ablation(contender, state, columns, tickets.visibility)


PARTS: tuple[Part, ...] = ("text", "fields", "filing times")


@pytest.mark.parametrize("shared", PARTS)
def test_the_part_that_kin_share_is_the_part_that_is_missed(shared: Part) -> None:
    trial = ablation(shared)
    asked = np.flatnonzero(trial.contender.groups[trial.contender.lists.queries] >= 40)
    mrr = METRICS.of_retrieval("mrr").per_query

    def worth(*without: Part) -> float:
        return float(mrr(trial.ranks(without, SEEN, asked, DEFAULT)).mean())

    missed = {part: worth() - worth(part) for part in PARTS if part != "text"}
    alone = worth("text")
    if shared == "text":
        assert worth() > 0.8 and alone < 0.2 and max(missed.values()) < 0.1
    else:
        assert alone > 0.5 and max(missed, key=lambda part: missed[part]) == shared


def test_no_candidate_list_helps_the_ranking_without_text() -> None:
    """Kin of one service that words would never list are found all the same: every ticket is ranked."""
    trial = ablation("fields")
    asked = np.flatnonzero(trial.contender.groups[trial.contender.lists.queries] >= 40)
    listed = trial.contender.is_kin.sum() / trial.contender.lists.queries.size
    ranks = trial.ranks(("text",), SEEN, asked, DEFAULT)
    assert listed < 1
    assert all(len(own) for own in ranks)
