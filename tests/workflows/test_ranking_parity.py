"""A ticket that opens alone, unknown to the corpus, gets the scores that the verdict gave it."""

import json
from pathlib import Path

import numpy as np
import pytest

from ticketkin.core.tables import IntArray, SplitName, Tickets
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import LoadedEncoder, load_encoder
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.fusion import FusionRanker
from ticketkin.ranking.retriever import Retriever
from ticketkin.ranking.scorer import PairScorer
from ticketkin.tickets.composing import compose_texts
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.candidates import embedded_tickets
from ticketkin.workflows.configuration import read_job
from ticketkin.workflows.ranking_record import ranking_record
from ticketkin.workflows.run_data import RunData


@pytest.fixture(scope="module")
def data(small_run: Path) -> RunData:
    return RunData.of(small_run, read_job(small_run))


@pytest.fixture(scope="module")
def encoder(data: RunData) -> LoadedEncoder:
    return load_encoder(data.job.settings.encoder)


def embedded_alone(data: RunData, row: int, encoder: LoadedEncoder) -> EmbeddedTickets:
    """One ticket with its text composed and encoded by itself."""
    ticket = Tickets(data.tickets.frame[[row]])
    texts = compose_texts(ticket, data.job.settings.tickets.template)
    settings = data.job.settings.encoder
    return EmbeddedTickets(ticket, texts, {"base": encode_texts(encoder, texts, None, settings)})


def holdout(data: RunData) -> IntArray:
    return data.queries(SplitName.HOLDOUT)


def test_a_new_ticket_is_scored_as_the_verdict_scored_it(data: RunData, encoder: LoadedEncoder) -> None:
    given = embedded_tickets(data, ranking_record(data.values.path(artifact.RANKING).parent))
    ranker = FusionRanker.load(data.values.path(artifact.RANKING), given)
    judged = ranker.similarities(holdout(data), data.visibility)
    largest = 0.0
    for place, row in enumerate(holdout(data).tolist()):
        scorer = PairScorer.load(data.values.path(artifact.RANKING))
        others = np.delete(np.arange(len(data.tickets)), row)
        index = Retriever(scorer.describe(given.take(others)))
        query = scorer.describe(embedded_alone(data, row, encoder))
        candidates = scorer.candidates(index, query)
        alone = scorer.score(query, candidates)[0]
        at = [data.tickets.position[ticket_id] for ticket_id in index.stored.ids[candidates.rows[0]]]
        largest = max(largest, float(np.abs(alone - judged[place, at]).max()))
        seen = np.where(data.visibility.mask(np.array([row]))[0], judged[place], -np.inf)
        first_ten = np.argsort(-seen, kind="stable")[:10]
        kept = min(10, len(at))
        mine = [at[column] for column in np.argsort(-alone, kind="stable")[:kept]]
        assert np.allclose(judged[place, mine], judged[place, first_ten[:kept]], atol=1e-5)
        assert len(set(mine) & set(first_ten.tolist())) >= kept - 1
    assert largest < 1e-5


def test_the_ranking_folder_is_whole(data: RunData) -> None:
    folder = data.values.path(artifact.RANKING)
    assert {path.name for path in folder.iterdir()} == {
        "ranking.json", "fusion.json", "fusion.safetensors", "lexical.safetensors", "corpus_state.json",
        "corpus_state.safetensors", "training_rows.safetensors",
    }  # fmt: skip
    state = PairScorer.load(folder).state
    assert state.clock == "opened_at"
    assert list(state.crowd.embeddings) == ["base", "tuned"]
    train = data.splits.rows(data.tickets, SplitName.TRAIN)
    assert len(state.crowd.identity) <= len(train)
    assert "opened_at" in json.loads((folder / "corpus_state.json").read_text())["clock"]
