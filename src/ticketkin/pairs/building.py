"""Pairs of every split: positives from kin groups, negatives mined or drawn, difficulty measured."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_matrix

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import (
    FloatArray,
    IntArray,
    Origin,
    Pairs,
    Phase,
    SplitName,
)
from ticketkin.core.wording import number_of
from ticketkin.lexical.neighbours import paired_cosines, tfidf_matrix
from ticketkin.pairs.account import DrawnCount, LabelCounts, PairAccount, PhasesFrom
from ticketkin.pairs.drawing import Drawing, PairInputs, judged_strangers, kin_pairs
from ticketkin.pairs.drawn import DrawnPairs, NamedPairs
from ticketkin.pairs.given_splits import GivenPairs
from ticketkin.pairs.mining import KinshipCodes
from ticketkin.pairs.settings import PairSettings, PairSource
from ticketkin.pairs.silver import silver_negatives
from ticketkin.pairs.sources import chosen_sources, draw_training_pairs, hard_negatives

# Half of the test negatives are hard (mined), half random: a desk meets both.
_HARD_SHARE_OF_TEST = 0.5
_DRAWS_PER_NEGATIVE = 4


@dataclass(frozen=True)
class BuiltPairs:
    """The pairs of all splits, and where they come from."""

    pairs: Pairs
    account: PairAccount


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
    split: SplitName


def build_pairs(
    inputs: PairInputs,
    settings: PairSettings,
    negatives_per_positive: int,
    seed: int,
    progress: Progress = SILENT,
    given: GivenPairs | None = None,
) -> BuiltPairs:
    """Return the labelled pairs of all splits; both tickets of a pair lie in its split.

    Training: what `settings.sources` name; by default of an export every positive of a kin group (large
    groups sampled) with its mined hard negatives, and of files the pairs as they are `given`. Evaluation and
    holdout: the kin of people's links, with `negatives_per_positive` negatives, half mined and half drawn at
    random; of files the pairs given, with such negatives only where they hold fewer strangers than kin, and
    a frozen holdout as it is. Silver links get the negatives of their own recipe instead, unless sources are
    named for training. The phase is measured: positives by how unlike, negatives by how alike their texts
    are, in words and in the untouched embedding, by thirds; a file and bands of a curriculum bring their own.
    Deterministic by `seed`. Raises NotEnoughDataError where a split has no positive, or frozen pairs lack a
    label; ConfigurationError where a source is named that the run does not have.
    """
    generator = np.random.default_rng(seed)
    kinship = KinshipCodes.of(inputs.tickets, inputs.groups.group, inputs.links)
    words = tfidf_matrix(inputs.texts)
    sources = chosen_sources(settings, given)
    of_own_recipe = inputs.links.labels_from == Origin.SILVER.value and given is None
    parts, counts = [], []
    for split in SplitName:
        rows = inputs.splits.rows(inputs.tickets, split)
        as_given = [] if given is None else given.by_split[split]
        drawing = Drawing(inputs, words, rows, kinship, settings, generator, progress, as_given)
        if split is SplitName.TRAIN and (not of_own_recipe or settings.sources != PairSettings().sources):
            judged = NamedPairs(judged_strangers(drawing), "review", "as a person judged them to be no kin")
            drawn = [*([judged] if len(judged.pairs) else []), *draw_training_pairs(drawing, sources)]
        elif given is not None:
            drawn = _given_test_pairs(drawing, split, negatives_per_positive, frozen=given.frozen)
        else:
            drawn = _test_pairs(drawing, split, None if of_own_recipe else negatives_per_positive)
        part, of_split = _joined(drawn, split)
        parts.append(part)
        counts += of_split
    account = PairAccount(
        sources=list(sources),
        drawn=counts,
        given=None if given is None else given.account,
        phases_from=_phases_from(sources, given),
    )
    return BuiltPairs(Pairs(_with_difficulty(parts, inputs, words)), account)


def _phases_from(sources: Sequence[PairSource], given: GivenPairs | None) -> PhasesFrom:
    if given is not None and given.has_phases and "given" in sources:
        return "file"
    by_source: dict[str, PhasesFrom] = {"curriculum-bands": "bands", "category-phases": "categories"}
    return next((by_source[name] for name in sources if name in by_source), "measured")


def _given_test_pairs(
    drawing: Drawing, split: SplitName, negatives_per_positive: int, *, frozen: bool
) -> list[NamedPairs]:
    """Return the pairs given to judge on; too few strangers are made up for unless the pairs are frozen."""
    labels = np.concatenate([np.zeros(0, dtype=np.int64), *(part.label for part in drawing.given)])
    counts = LabelCounts.of(labels)
    is_frozen = frozen and split is SplitName.HOLDOUT
    if not counts.kin or (is_frozen and not counts.strangers):
        raise NotEnoughDataError(
            f"The {split} split holds {counts.kin} given pairs of kin and {counts.strangers} of strangers; "
            "give more pairs, or another --seed"
        )
    given = [NamedPairs(part, "given") for part in drawing.given]
    if is_frozen or counts.strangers >= counts.kin:
        return given
    reason = (
        f"as the {number_of(counts.strangers, 'stranger')} given there are fewer than the {counts.kin:,} kin"
    )
    return [
        *given,
        *(
            NamedPairs(strangers, "drawn strangers", reason)
            for part in drawing.given
            for strangers in _test_negatives(drawing, part.kin, negatives_per_positive)
        ),
    ]


def _test_pairs(drawing: Drawing, split: SplitName, negatives_per_positive: int | None) -> list[NamedPairs]:
    """Return kin and strangers to judge on; without their number those of the silver recipe."""
    positives = kin_pairs(drawing)
    if not len(positives):
        raise NotEnoughDataError(
            f"The {split} split has no pair of kin; give more links with --links FILE or another --seed"
        )
    if negatives_per_positive is None:
        left, right = silver_negatives(
            drawing.inputs.tickets,
            drawing.words,
            drawing.rows,
            drawing.kinship,
            len(positives),
            drawing.generator,
        )
        negatives = [DrawnPairs(left, right, np.zeros(len(left), dtype=np.int64), silver=True)]
    else:
        negatives = _test_negatives(drawing, positives, negatives_per_positive)
    return [NamedPairs(positives, "links"), *(NamedPairs(part, "drawn strangers") for part in negatives)]


def _test_negatives(drawing: Drawing, positives: DrawnPairs, negatives_per_positive: int) -> list[DrawnPairs]:
    """Return the strangers to judge beside `positives`, half mined and half drawn at random."""
    n_hard = max(1, round(negatives_per_positive * _HARD_SHARE_OF_TEST))
    n_random = (negatives_per_positive - n_hard) * len(positives)
    left, right = _random_negatives(drawing.rows, drawing.kinship, n_random, drawing.generator)
    return [
        hard_negatives(drawing, positives, n_hard),
        DrawnPairs(left, right, np.zeros(len(left), dtype=np.int64)),
    ]


def _random_negatives(
    rows: IntArray, kinship: KinshipCodes, n_negatives: int, generator: np.random.Generator
) -> tuple[IntArray, IntArray]:
    if len(rows) < 2 or not n_negatives:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    drawn = rows[generator.integers(0, len(rows), (n_negatives * _DRAWS_PER_NEGATIVE, 2))]
    left, right = drawn[:, 0], drawn[:, 1]
    allowed = (left != right) & ~kinship.related(left, right)
    return left[allowed][:n_negatives], right[allowed][:n_negatives]


def _joined(drawn: Sequence[NamedPairs], split: SplitName) -> tuple[_Part, list[DrawnCount]]:
    """Put all sources together; where two name the same pair, the first one's label counts.

    Pairs as given were told apart before; a frozen test set may hold one twice.
    """
    left, right, label = (
        np.concatenate([getattr(part.pairs, name) for part in drawn]) for name in ("left", "right", "label")
    )
    phase = np.concatenate([np.full(len(part.pairs), int(part.pairs.phase or 0)) for part in drawn])
    origin = np.concatenate([np.full(len(part.pairs), part.pairs.origin, dtype=object) for part in drawn])
    place = np.concatenate([np.full(len(part.pairs), number) for number, part in enumerate(drawn)])
    key = np.stack([np.minimum(left, right), np.maximum(left, right)], axis=1)
    _, first = np.unique(key, axis=0, return_index=True)
    as_given = np.array([part.source == "given" for part in drawn])[place]
    kept = np.union1d(first, np.flatnonzero(as_given))
    counted: dict[tuple[str, str], list[IntArray]] = {}
    for number, part in enumerate(drawn):
        counted.setdefault((part.source, part.reason), []).append(label[kept[place[kept] == number]])
    counts = [
        DrawnCount(split=split, source=source, counts=LabelCounts.of(np.concatenate(labels)), reason=reason)
        for (source, reason), labels in counted.items()
    ]
    return _Part(left[kept], right[kept], label[kept], phase[kept], origin[kept], split), counts


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
            "split": np.concatenate([[part.split.value] * len(part.left) for part in parts]).tolist(),
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
