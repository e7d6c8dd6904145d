"""What tells alike titles best: their words, an embedding of the title, both, or neither.

    python benchmarks/title_source.py                     # Hadoop, Duraspace by folds, four seeds each
    python benchmarks/title_source.py --eclipse           # and Eclipse, one seed: half an hour on 2 cores

The learned ranking without the linear head, by folds over all kin groups; the embedding of the title takes
one more pass of the encoder for each ticket. Gains in MRR over the embedding, 95 % intervals over kin groups.
"""

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
from rich.console import Console
from rich.table import Table

from few_links_data import prepared
from ticketkin.core.progress import SILENT
from ticketkin.encoders.cache import EmbeddingCache, default_cache_folder
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import load_encoder
from ticketkin.evaluation.gains import PRIMARY, paired_gain
from ticketkin.evaluation.retrieval import RetrievalScores
from ticketkin.ranking import candidate_lists, fusion, pair_features, scorer
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.ranking.fusion import DescribedCorpus
from ticketkin.ranking.retriever import LEXICAL, TITLE_WORDS
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.fold_verdict import cross_fitted_on
from ticketkin.workflows.judging import fold_material
from ticketkin.workflows.run_data import RunData

CANDIDATES = ("lexical", "base", "fusion")
WAYS = {
    "embedding": (True, False),
    "words": (False, True),
    "both": (True, True),
    "neither": (False, False),
}
"""Whether each way reads an embedding of the title, and its words."""


@contextmanager
def word_sources(*names: str) -> Iterator[None]:
    """Let the ranking read these sources by words within the block."""
    with ExitStack() as stack:
        for module in (candidate_lists, fusion, pair_features, scorer):
            stack.enter_context(patch.object(module, "WORD_SOURCES", names))
        yield


def corpus(data: RunData, *, title_embedding: bool) -> DescribedCorpus:
    """Return the tickets over statistics of all of them, with an embedding of their titles or without."""
    embeddings = {"base": data.embeddings(artifact.BASE_EMBEDDINGS)}
    if title_embedding:
        settings = data.job.settings.encoder
        titles = data.tickets.frame["title"].to_list()
        cache = EmbeddingCache(default_cache_folder())
        embeddings["title"] = encode_texts(load_encoder(settings), titles, cache, settings)
    given = EmbeddedTickets(data.tickets, data.texts, embeddings)
    state = CorpusState.fit(given, np.arange(len(data.tickets)))
    return DescribedCorpus(state, state.describe(given), data.groups.group)


def measured(data: RunData, way: str) -> RetrievalScores:
    """Return the ranks of all queries by the learned ranking."""
    embeds, reads_words = WAYS[way]
    with word_sources(LEXICAL, *([TITLE_WORDS] if reads_words else [])):
        material = replace(fold_material(data), corpus=corpus(data, title_embedding=embeds))
        return cross_fitted_on(material, data.groups, SILENT).scores["fusion"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--eclipse", action="store_true", help="Eclipse as well, one seed")
    parser.add_argument("--work", type=Path, default=Path("runs/title-source"))
    arguments = parser.parse_args()
    table = Table("tracker", "seed", "queries", *WAYS, box=None)
    asked = [(name, seed, 4) for name in ("hadoop", "duraspace") for seed in range(arguments.seeds)]
    for name, seed, repeats in [*asked, *([("eclipse", 0, 1)] if arguments.eclipse else [])]:
        data = prepared(name, seed, arguments.work, CANDIDATES, repeats=repeats)
        scores = {way: measured(data, way) for way in WAYS}
        cells = []
        for way, own in scores.items():
            gain = paired_gain(scores, way, "embedding", PRIMARY, 1_000, seed).gain
            mean = own.per_query(PRIMARY).mean()
            more = "" if way == "embedding" else f" {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
            cells.append(f"{mean:.3f}{more}")
        n_queries = str(len(next(iter(scores.values())).queries))
        table.add_row(name, str(seed), n_queries, *cells)
        print(name, seed, n_queries, *cells, flush=True)
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
