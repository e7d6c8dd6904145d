"""Pairs of every split: positives from kin groups, negatives mined or drawn, difficulty measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_matrix

from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import (
    FloatArray,
    IntArray,
    Origin,
    Pairs,
    Phase,
    SplitName,
)
from ticketkin.lexical.neighbours import paired_cosines, tfidf_matrix
from ticketkin.pairs.account import DrawnCount, LabelCounts, PairAccount, PhasesFrom
from ticketkin.pairs.drawing import Drawing, PairInputs, judged_strangers
from ticketkin.pairs.drawn import NamedPairs
from ticketkin.pairs.fixed_pairs import given_fixed_pairs, linked_fixed_pairs
from ticketkin.pairs.given_splits import GivenPairs
from ticketkin.pairs.mining import KinshipCodes
from ticketkin.pairs.settings import PairSettings, PairSource
from ticketkin.pairs.sources import chosen_sources, draw_training_pairs

FOLD_PAIRS_SCHEMA: Mapping[str, pl.DataType] = {
    "left": pl.String(),
    "right": pl.String(),
    "label": pl.Int8(),
    "phase": pl.Int8(),
    "source": pl.String(),
}
"""Ticket ids, 1 kin or 0 not, 1 to 3 where a file names the phase and 0 where it does not, what gave them."""


@dataclass(frozen=True)
class BuiltPairs:
    """The pairs of all splits, and where they come from."""

    pairs: Pairs
    account: PairAccount
    in_folds: pl.DataFrame
    """The pairs that folds judge by, as `FOLD_PAIRS_SCHEMA`; no row where a split judges."""


@dataclass(frozen=True)
class _Part:
    """The pairs of one split, each unordered pair once, but for frozen test pairs."""

    left: IntArray
    right: IntArray
    label: IntArray
    phase: IntArray
    """0 where it is still to be measured."""
    origin: npt.NDArray[np.object_]
    """Who gave the label where no link names the pair."""
    source: npt.NDArray[np.object_]
    """What gave the pair."""
    split: SplitName | Literal["folds"]


def build_pairs(
    inputs: PairInputs,
    settings: PairSettings,
    negatives_per_positive: int,
    seed: int,
    progress: Progress = SILENT,
    given: GivenPairs | None = None,
    *,
    by_folds: bool = False,
) -> BuiltPairs:
    """Return the labelled pairs of all splits; both tickets of a pair lie in its split.

    Training: what `settings.sources` name; by default of an export every positive of a kin group (large
    groups sampled) with its mined hard negatives, and of files the pairs as they are `given`. Evaluation and
    holdout: the kin of people's links, with `negatives_per_positive` negatives, half mined and half drawn at
    random; of files the pairs given, with such negatives only where they hold fewer strangers than kin, and
    a frozen holdout as it is. Where folds judge (`by_folds`), pairs of all links, or of the whole file, are
    built to judge by in the same way, whichever split their tickets lie in. Silver links get the negatives
    of their own recipe instead, unless sources are named for training. The phase is measured: positives by
    how unlike, negatives by how alike their texts are, in words and in the untouched embedding, by thirds; a
    file and bands of a curriculum bring their own. Deterministic by `seed`. Raises NotEnoughDataError where
    a split has no positive, or frozen pairs lack a label; ConfigurationError where a source is named that the
    run does not have.
    """
    sources = chosen_sources(settings, given)
    of_own_recipe = inputs.links.labels_from == Origin.SILVER.value and given is None
    n_negatives = None if of_own_recipe else negatives_per_positive
    drawing = _drawing(inputs, settings, seed, progress)
    parts, counts = [], []
    for number, split in enumerate(SplitName):
        drawn = _of_split(_with_own_chance(drawing, seed, number), split, sources, given, n_negatives)
        part, of_split = _joined(drawn, split)
        parts.append(part)
        counts += of_split
    in_folds = pl.DataFrame(schema=dict(FOLD_PAIRS_SCHEMA))
    if by_folds:
        own = _with_own_chance(drawing, seed, len(SplitName))
        in_folds, of_folds = _in_folds(own, given, n_negatives)
        counts += of_folds
    account = PairAccount(
        sources=list(sources),
        drawn=counts,
        given=None if given is None else given.account,
        phases_from=_phases_from(sources, given),
    )
    return BuiltPairs(Pairs(_with_difficulty(parts, inputs, drawing.words)), account, in_folds)


def _drawing(inputs: PairInputs, settings: PairSettings, seed: int, progress: Progress) -> Drawing:
    return Drawing(
        inputs,
        tfidf_matrix(inputs.texts),
        np.arange(len(inputs.tickets)),
        KinshipCodes.of(inputs.tickets, inputs.groups.group, inputs.links),
        settings,
        np.random.default_rng(seed),
        progress,
    )


def _with_own_chance(drawing: Drawing, seed: int, number: int) -> Drawing:
    """Return the drawing with chance of its own for a part: what trains must not change what judges."""
    return replace(drawing, generator=np.random.default_rng([seed, number]))


def _of_split(
    drawing: Drawing,
    split: SplitName,
    sources: Sequence[PairSource],
    given: GivenPairs | None,
    n_negatives: int | None,
) -> list[NamedPairs]:
    """Return the pairs of a split by their sources; without `n_negatives` of the silver recipe."""
    own = replace(drawing, rows=drawing.inputs.splits.rows(drawing.inputs.tickets, split))
    if given is not None:
        own = replace(own, given=given.by_split[split])
    asks_for_sources = drawing.settings.sources != PairSettings().sources
    if split is SplitName.TRAIN and (n_negatives is not None or asks_for_sources):
        return [*_judged_by_people(own), *draw_training_pairs(own, sources)]
    is_frozen = given is not None and given.frozen and split is SplitName.HOLDOUT
    if given is not None and given.in_folds is not None and not is_frozen:
        return [NamedPairs(pairs, "given") for pairs in own.given]
    return _fixed(own, given, n_negatives, f"The {split} split", is_frozen=is_frozen)


def _judged_by_people(drawing: Drawing) -> list[NamedPairs]:
    judged = NamedPairs(judged_strangers(drawing), "review", "as a person judged them to be no kin")
    return [judged] if len(judged.pairs) else []


def _fixed(
    drawing: Drawing,
    given: GivenPairs | None,
    n_negatives: int | None,
    where: str,
    *,
    is_frozen: bool = False,
) -> list[NamedPairs]:
    if given is None or n_negatives is None:
        return linked_fixed_pairs(drawing, where, n_negatives)
    return given_fixed_pairs(drawing, where, n_negatives, is_frozen=is_frozen)


def _in_folds(
    drawing: Drawing, given: GivenPairs | None, n_negatives: int | None
) -> tuple[pl.DataFrame, list[DrawnCount]]:
    """Return the pairs that folds judge by as `FOLD_PAIRS_SCHEMA`, and how many each source gave."""
    if given is not None:
        held_out = drawing.inputs.splits.rows(drawing.inputs.tickets, SplitName.HOLDOUT)
        rows = np.setdiff1d(drawing.rows, held_out) if given.frozen else drawing.rows
        drawing = replace(drawing, rows=rows, given=given.in_folds or [])
        drawn = [*_judged_by_people(drawing), *_fixed(drawing, given, n_negatives, "The file")]
    else:
        drawn = _fixed(drawing, given, n_negatives, "The run")
    part, counts = _joined(drawn, "folds")
    ids = np.array(drawing.inputs.tickets.ids, dtype=object)
    frame = pl.DataFrame(
        {
            "left": ids[part.left].tolist(),
            "right": ids[part.right].tolist(),
            "label": part.label,
            "phase": part.phase,
            "source": part.source.tolist(),
        },
        schema_overrides=dict(FOLD_PAIRS_SCHEMA),
    )
    return frame, counts


def _phases_from(sources: Sequence[PairSource], given: GivenPairs | None) -> PhasesFrom:
    if given is not None and given.has_phases and "given" in sources:
        return "file"
    by_source: dict[str, PhasesFrom] = {"curriculum-bands": "bands", "category-phases": "categories"}
    return next((by_source[name] for name in sources if name in by_source), "measured")


def _joined(
    drawn: Sequence[NamedPairs], split: SplitName | Literal["folds"]
) -> tuple[_Part, list[DrawnCount]]:
    """Put all sources together; where two name the same pair, the first one's label counts.

    Pairs as given were told apart before; a frozen test set may hold one twice.
    """
    none: IntArray = np.zeros(0, dtype=np.int64)
    left, right, label = (
        np.concatenate([none, *(getattr(part.pairs, name) for part in drawn)])
        for name in ("left", "right", "label")
    )
    sizes = [len(part.pairs) for part in drawn]
    phase, origin, source = (
        np.repeat(np.array(values, dtype=kind), sizes)
        for values, kind in (
            ([int(part.pairs.phase or 0) for part in drawn], np.int64),
            ([part.pairs.origin for part in drawn], object),
            ([part.source for part in drawn], object),
        )
    )
    place = np.repeat(np.arange(len(drawn)), sizes)
    key = np.stack([np.minimum(left, right), np.maximum(left, right)], axis=1)
    _, first = np.unique(key, axis=0, return_index=True)
    kept = np.union1d(first, np.flatnonzero(source == "given"))
    counted: dict[tuple[str, str], list[IntArray]] = {}
    for number, part in enumerate(drawn):
        counted.setdefault((part.source, part.reason), []).append(label[kept[place[kept] == number]])
    counts = [
        DrawnCount(split=split, source=source, counts=LabelCounts.of(np.concatenate(labels)), reason=reason)
        for (source, reason), labels in counted.items()
    ]
    joined = _Part(left[kept], right[kept], label[kept], phase[kept], origin[kept], source[kept], split)
    return joined, counts


def _with_difficulty(parts: Sequence[_Part], inputs: PairInputs, words: csr_matrix) -> pl.DataFrame:
    left = np.concatenate([part.left for part in parts])
    right = np.concatenate([part.right for part in parts])
    label = np.concatenate([part.label for part in parts])
    lexical = paired_cosines(words, left, right)
    dense = np.einsum("ij,ij->i", inputs.embeddings[left], inputs.embeddings[right])
    phase = np.concatenate([part.phase for part in parts])
    assigned = phase.copy()
    for value in (0, 1):
        chosen = np.flatnonzero((label == value) & (assigned == 0))
        alike = _rank_share(lexical[chosen]) + _rank_share(dense[chosen])
        phase[chosen] = phases_of(-alike if value == 1 else alike)
    ids = np.array(inputs.tickets.ids, dtype=object)
    drawn_by = np.concatenate([part.origin for part in parts])
    origins = _origins(inputs, ids, left, right)
    return pl.DataFrame(
        {
            "left": ids[left].tolist(),
            "right": ids[right].tolist(),
            "label": label,
            "kind": np.where(label == 1, "duplicate", "none").tolist(),
            "phase": phase,
            "origin": np.where((label == 1) & (drawn_by != Origin.SILVER.value), origins, drawn_by).tolist(),
            "split": np.concatenate([[str(part.split)] * len(part.left) for part in parts]).tolist(),
            "lexical_similarity": lexical,
            "base_similarity": dense,
        }
    )


def phases_of(hardness: FloatArray) -> IntArray:
    """Return the phase of each pair, shape of `hardness`: its thirds, the least hard ones first."""
    thirds: IntArray = np.minimum(2, (_rank_share(hardness) * 3).astype(np.int64))
    return int(Phase.EASY) + thirds


def _rank_share(values: FloatArray) -> FloatArray:
    """Return each value's rank as a share in [0, 1)."""
    ranks = np.empty(len(values), dtype=np.float32)
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values)) / max(1, len(values))
    return ranks


def _origins(inputs: PairInputs, ids: npt.NDArray[np.object_], left: IntArray, right: IntArray) -> list[str]:
    """Return who linked each pair; 'group' where two tickets are kin only through others."""
    origin_of = {
        frozenset((source, target)): origin
        for source, target, origin in inputs.links.frame.select("source", "target", "origin").iter_rows()
    }
    return [origin_of.get(frozenset((ids[a], ids[b])), "group") for a, b in zip(left, right, strict=True)]
