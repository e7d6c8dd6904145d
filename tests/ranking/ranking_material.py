"""Tickets of 60 kin groups and a ranking fitted on them."""

from dataclasses import replace

import numpy as np

from ticket_material import make_links, make_tickets
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.ranking.fusion import (
    DescribedCorpus,
    FusionRanker,
    fit_first_level,
    fit_second_level,
    training_lists,
)
from ticketkin.ranking.settings import FusionSettings
from ticketkin.tickets.kin import KinGroups, kin_groups

N_GROUPS, SIZE = 60, 3
N = N_GROUPS * SIZE
SETTINGS = FusionSettings(depth=20, folds=3)
TRAIN, EVALUATION = np.arange(0, 120), np.arange(120, N)


def material(seed: int = 0) -> tuple[EmbeddedTickets, KinGroups]:
    """Groups share a centre in embedding space, a service, and one word in three."""
    generator = np.random.default_rng(seed)
    group = np.repeat(np.arange(N_GROUPS), SIZE)
    centres = generator.normal(size=(N_GROUPS, 16))
    noisy = centres[group] + 1.2 * generator.normal(size=(N, 16))
    embeddings: FloatArray = (noisy / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float32)
    titles = [f"word{g}x fault" if generator.random() < 0.6 else f"other{n}y" for n, g in enumerate(group)]
    tickets = make_tickets(N, title=titles, service=[f"s{g % 7}" for g in group])
    links = make_links([(n, n + 1) for n in range(N - 1) if group[n] == group[n + 1]])
    given = EmbeddedTickets(tickets, titles, {"base": embeddings, "tuned": embeddings})
    return given, kin_groups(tickets, links)


def fitted(
    given: EmbeddedTickets, groups: KinGroups, train: IntArray = TRAIN, evaluation: IntArray = EVALUATION
) -> FusionRanker:
    state = CorpusState.fit(given, train)
    corpus = DescribedCorpus(state, state.describe(given), groups.group)
    first = fit_first_level(corpus, training_lists(corpus, train, SETTINGS, 0), SETTINGS, 0)
    return fit_second_level(first, corpus, evaluation, SETTINGS, 0)


def with_times(given: EmbeddedTickets) -> EmbeddedTickets:
    """The same tickets, opened a minute apart in the order of their rows."""
    opened = [f"2024-01-01 {n // 60:02d}:{n % 60:02d}:00" for n in range(N)]
    service = given.tickets.frame["service"].to_list()
    return replace(given, tickets=make_tickets(N, opened=opened, title=given.titles, service=service))
