"""A small desk whose links have kinds that show in the tickets, its pairs, the record of a good model."""

from typing import Any

import numpy as np
import polars as pl

from ticket_material import make_tickets
from ticketkin.core.tables import LINKS_SCHEMA, FloatArray, Links, Tickets
from ticketkin.lexical.neighbours import tfidf_matrix
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.relations.features import PairFeatures
from ticketkin.relations.pair_state import PairState
from ticketkin.relations.pairs import RelationPairs, relation_pairs
from ticketkin.relations.settings import RelationSettings
from ticketkin.tickets.kin import kin_groups


def desk(n_events: int = 40, seed: int = 0) -> tuple[Tickets, Links, list[str], FloatArray]:
    """Four tickets an event: a cause, its effect an hour later, a duplicate, a relative days later."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(n_events, 16))
    rows, embeddings, texts = [], [], []
    links = []
    for event in range(n_events):
        start = event * 24 * 60 + int(generator.integers(0, 600))
        for part, (minutes, noise) in enumerate(((0, 0.3), (60, 0.9), (90, 0.1), (3 * 1440, 1.2))):
            rows.append((start + minutes, f"S{event % 4}", f"C{part % 3}"))
            origin = centres[event] if part != 2 else np.array(embeddings[-1])
            embeddings.append(origin + noise * generator.normal(size=16))
            texts.append(f"word{event} other{event % 7} part{part} tail{generator.integers(0, 50)}")
        first = 4 * event
        links += [
            (f"T{first}", f"T{first + 1}", "causal", "file"),
            (f"T{first + 2}", f"T{first + 1}", "duplicate", "file"),
            (f"T{first + 3}", f"T{first}", "related", "file"),
        ]
    moment = np.datetime64("2024-01-01T00:00:00")
    opened = [str(moment + np.timedelta64(minutes, "m")).replace("T", " ") for minutes, _, _ in rows]
    tickets = make_tickets(
        len(rows), opened, service=[row[1] for row in rows], category=[row[2] for row in rows],
        caller=[f"person {n % 5}" if n % 5 else "" for n in range(len(rows))],
        title=[text.split()[0] for text in texts], description=texts,
    )  # fmt: skip
    unit = np.array(embeddings) / np.linalg.norm(embeddings, axis=1, keepdims=True)
    frame = pl.DataFrame(links, schema=dict(LINKS_SCHEMA), orient="row")
    return tickets, Links(frame), texts, unit.astype(np.float32)


def typed_pairs(
    seed: int = 0, n_events: int = 40, none_per_linked: float = 3.0
) -> tuple[RelationPairs, PairFeatures]:
    """Return the pairs of a desk, and what a classifier reads of them."""
    tickets, links, texts, embeddings = desk(n_events, seed)
    words = tfidf_matrix(texts)
    groups = kin_groups(tickets, links).group
    pairs = relation_pairs(
        tickets, links, groups, words, seed, RelationSettings(none_per_linked=none_per_linked)
    )
    given = EmbeddedTickets(tickets, texts, {"base": embeddings})
    state = PairState.fit(given, np.arange(len(tickets)))
    described = state.describe(given)
    return pairs, state.features(described.take(pairs.left), described.take(pairs.right))


_KINDS = ("duplicate", "related", "causal", "none")
_MAJORITY = {"value": 0.21, "low": 0.2, "high": 0.22}
_BINS = [{"said": 0.1, "true": 0.1, "n": 90.0}, {"said": 0.9, "true": 0.9, "n": 10.0}]
REPORTED = {
    "n_said": 100, "n_right": 95, "n_retrieved": 120, "n_true": 150, "precision": 0.95,
    "precision_low": 0.89, "precision_high": 0.98, "recall": 0.63, "false_alarms_per_1000_tickets": 5.0,
}  # fmt: skip
_SPLIT = {
    "n_queries": 1000,
    "n_pairs": 10_000,
    **{f"{kind}_{band}": REPORTED for kind in _KINDS[:3] for band in ("say", "suggest")},
}


def _quality(macro_f1: dict[str, float]) -> dict[str, Any]:
    one = {"n": 40, "precision": macro_f1, "recall": macro_f1, "f1": macro_f1}
    return {
        "macro_f1": macro_f1, "weighted_f1": macro_f1, "brier": {"value": 0.4, "low": None, "high": None},
        "by_kind": {kind: {**one, "n": 300 if kind == "none" else 40} for kind in _KINDS},
        "confusion": [[10.0, 0.0, 0.0, 0.5]] * 4, "reliability": dict.fromkeys(_KINDS, _BINS),
        "direction_by_time": {"n_detected": 20.0, "share_right": 0.95},
    }  # fmt: skip


# As relations.json holds it.
LEARNED: dict[str, Any] = {
    "learned": True,
    "model": "logistic",
    "labels_from": "person",
    "counts": {"duplicate": 40, "related": 40, "causal": 40, "none": 300},
    "mixture_of_none": {"near": 200, "random": 100},
    "contradictions": [],
    "contradiction_rule": "drop",
    "told": ["the earlier ticket is the cause in 95 % of 40 causal pairs"],
    "n_folds": 5,
    "n_repeats": 3,
    "seed": 0,
    "results": {
        "logistic": _quality({"value": 0.6, "low": 0.55, "high": 0.65}),
        "majority": _quality(_MAJORITY),
    },
    "choice": None,
    "without": {"time": _MAJORITY},
    "causes": {
        "n_causal": 40, "n_other": 120,
        **dict.fromkeys(("roc_auc", "pr_auc", "f1", "precision", "recall", "brier"), _MAJORITY),
        "direction_right": 0.9, "milliseconds_a_pair": 12.5, "base": "MiniLM", "fresh_head": True,
        "method": "lora", "folds": 2, "pr_auc_kinds": _MAJORITY, "pr_auc_both": _MAJORITY,
        "gain": {"value": 0.2, "low": 0.1, "high": 0.3},
    },
    "causes_left_out": "",
    "two_stage": {
        "say_precision": 0.8,
        "suggest_precision": 0.5,
        "bands": {
            "slope": dict.fromkeys(_KINDS, 1.0), "weight": dict.fromkeys(_KINDS, 0.0),
            "intercept": dict.fromkeys(_KINDS, 0.0), "centre": 0.0, "scale": 1.0,
            "say": {"duplicate": 0.7, "related": 0.7, "causal": 0.7},
            "suggest": {"duplicate": 0.4, "related": 0.4, "causal": None},
        },
        "pairs_by_split": {
            split: dict.fromkeys(_KINDS, 9) for split in ("train", "evaluation", "holdout")
        },
        "evaluation": _SPLIT,
        "holdout": _SPLIT,
    },
    "gates": [{"code": "relation_labels", "outcome": "passed", "evidence": "people told", "advice": ""}],
}  # fmt: skip
