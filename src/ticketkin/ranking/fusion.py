"""The learned ranking: words, meaning, fields and filing order, weighed by what links taught.

Two levels. The first, a mean of logistic regression and boosted trees, learns on training links, with
head embeddings that never saw the kin group they score. The second, a logistic regression on
evaluation links that no encoder was tuned on, adds the best encoder and turns the result into a
probability of kinship. Evaluation tickets are always scored by a second level fitted without their
own kin group.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ticketkin.core.arrays import load_arrays, save_arrays
from ticketkin.core.artifacts import write_json
from ticketkin.core.config import FusionSettings
from ticketkin.core.errors import MissingInputError, NotEnoughDataError, UnreadableFileError
from ticketkin.core.progress import SILENT, Progress, track
from ticketkin.core.records import read_record
from ticketkin.core.tables import FloatArray, IntArray, Visibility
from ticketkin.core.trees import TreeEnsemble
from ticketkin.ranking.features import FeatureMaker, FusionInputs, blocks, relative_features
from ticketkin.ranking.models import BoostedTrees, LogisticModel

_ARRAYS = "fusion.safetensors"
_DESCRIPTION = "fusion.json"
_ENCODER = "encoder"
_REMEDY = "Make the ranking again: ticketkin evaluate RUN"
# Of an encoder's similarity: itself, its z-score, its reciprocal rank, its margin to the best.
_N_RELATIVE = 4
# More queries than this teach the ranking nothing new and cost memory.
_MOST_TRAINING_QUERIES = 3_000


@dataclass(frozen=True)
class FirstLevel:
    """Weights learned on training links."""

    names: list[str]
    logistic: LogisticModel
    trees: BoostedTrees

    def logits(self, features: FloatArray) -> npt.NDArray[np.float64]:
        """Return the mean log-odds of both models, shape (n,)."""
        mean: npt.NDArray[np.float64] = (self.logistic.logits(features) + self.trees.logits(features)) / 2
        return mean


@dataclass(frozen=True)
class _Description:
    """What a saved ranking was fitted on."""

    features: list[str]
    depth: Annotated[int, Field(ge=1)]
    uses_encoder: bool


@dataclass(frozen=True)
class OutOfFold:
    """Tuned embeddings for fitting: fold f of kin groups is embedded by a head that never saw it."""

    weights: FloatArray
    """Head weights, shape (n_folds + 1, d, d); the last saw every group."""
    fold_of_group: IntArray

    def tuned(self, base: FloatArray, fold: int) -> FloatArray:
        """Return the embeddings of head `fold`, shape (n_tickets, d), unit length."""
        moved = base @ self.weights[fold].T
        unit: FloatArray = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
        return unit.astype(np.float32)


def fit_first_level(
    inputs: FusionInputs,
    queries: IntArray,
    groups: IntArray,
    visibility: Visibility,
    settings: FusionSettings,
    seed: int,
    out_of_fold: OutOfFold | None = None,
    progress: Progress = SILENT,
) -> FirstLevel:
    """Return the first level fitted on `queries` of the training split.

    Where `out_of_fold` is given, the embedding called 'tuned' is replaced for every query by one that
    never saw its kin group. Raises NotEnoughDataError where no candidate is kin.
    """
    if len(queries) > _MOST_TRAINING_QUERIES:
        chosen = np.random.default_rng(seed).choice(len(queries), _MOST_TRAINING_QUERIES, replace=False)
        queries = queries[np.sort(chosen)]
    folds = np.zeros(len(queries), dtype=np.int64)
    if out_of_fold is not None:
        folds = out_of_fold.fold_of_group[groups[queries]]
    features, labels, names = [], [], []
    for fold in np.unique(folds):
        changed = inputs
        if out_of_fold is not None:
            changed = inputs.with_embeddings("tuned", out_of_fold.tuned(inputs.embeddings["base"], int(fold)))
        maker = FeatureMaker(changed, visibility, seed)
        names = maker.names
        parts = blocks(queries[folds == fold])
        for block in track(parts, progress, f"fusion fold {fold + 1}", len(parts)):
            rows = maker.rows(block)
            candidates = maker.candidates(rows, settings.depth)
            there = candidates >= 0
            features.append(maker.features(block, candidates, rows)[there])
            labels.append((groups[candidates] == groups[block][:, None])[there])
    if not labels or not np.concatenate(labels).any():
        raise NotEnoughDataError(
            "No training ticket has kin among its nearest tickets, so a ranking can't be learned; give more "
            "links with --links FILE, or leave it out: --candidates base,head"
        )
    x, y = np.concatenate(features), np.concatenate(labels).astype(np.int64)
    return FirstLevel(names, LogisticModel.fit(x, y), BoostedTrees.fit(x, y, seed))


class FusionRanker:
    """Ranks by probability of kinship; tickets outside the candidate list follow by base cosine."""

    name = "fusion"

    def __init__(
        self,
        first: FirstLevel,
        second: list[LogisticModel],
        maker: FeatureMaker,
        inputs: FusionInputs,
        depth: int,
        encoder: FloatArray | None = None,
        model_of_ticket: IntArray | None = None,
    ) -> None:
        """`second[model_of_ticket[row]]` scores queries of that row; without it the last one scores all."""
        self._first = first
        self._second = second
        self._maker = maker
        self._inputs = inputs
        self._depth = depth
        self._encoder = encoder
        self._model_of_ticket = model_of_ticket

    def _rows(self, queries: IntArray) -> dict[str, FloatArray]:
        rows = self._maker.rows(queries)
        if self._encoder is not None:
            similarity = self._encoder[queries] @ self._encoder.T
            similarity[~np.isfinite(rows["base"])] = -np.inf
            rows[_ENCODER] = similarity
        return rows

    def stacked(
        self, queries: IntArray, candidates: IntArray | None = None
    ) -> tuple[FloatArray, IntArray, dict[str, FloatArray]]:
        """Return second-level features (n_queries, k, f), the candidates and the similarity rows."""
        rows = self._rows(queries)
        if candidates is None:
            candidates = self._maker.candidates(rows, self._depth)
        features = self._maker.features(queries, candidates, rows)
        logits = self._first.logits(features.reshape(-1, features.shape[2])).reshape(candidates.shape)
        columns = [logits.astype(np.float32)]
        if self._encoder is not None:
            columns += relative_features(rows[_ENCODER], np.maximum(candidates, 0))
        stacked = np.nan_to_num(np.stack(columns, axis=2), nan=0.0, posinf=0.0, neginf=-5.0)
        return stacked.astype(np.float32), candidates, rows

    def _probabilities(self, queries: IntArray, stacked: FloatArray) -> FloatArray:
        """Return the probability of kinship, shape (n_queries, k)."""
        models = np.full(len(queries), len(self._second) - 1)
        if self._model_of_ticket is not None:
            models = self._model_of_ticket[queries]
        probabilities = np.zeros(stacked.shape[:2], dtype=np.float32)
        for number in np.unique(models):
            mine = models == number
            flat = stacked[mine].reshape(-1, stacked.shape[2])
            logits = self._second[number].logits(flat).reshape(stacked[mine].shape[:2])
            probabilities[mine] = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
        return probabilities

    def similarities(self, queries: IntArray, visibility: Visibility) -> FloatArray:
        """Return probabilities for candidates, shape (n_queries, n_tickets); others lie below zero."""
        stacked, candidates, rows = self.stacked(queries)
        probabilities = self._probabilities(queries, stacked)
        result: FloatArray = np.where(np.isfinite(rows["base"]), rows["base"] - 2.0, -4.0).astype(np.float32)
        there = candidates >= 0
        places = np.broadcast_to(np.arange(len(queries))[:, None], candidates.shape)
        result[places[there], candidates[there]] = probabilities[there]
        return result

    def pair_similarities(self, left: IntArray, right: IntArray) -> FloatArray:
        """Return the probability of kinship of each pair: the later ticket asks for the earlier one.

        Without times both directions are asked and averaged.
        """
        order = self._inputs.tickets.visibility.order
        if order is None:
            both = self._ask(left, right) + self._ask(right, left)
            return (both / 2).astype(np.float32)
        later = order[left] > order[right]
        return self._ask(np.where(later, left, right), np.where(later, right, left))

    def _ask(self, queries: IntArray, targets: IntArray) -> FloatArray:
        result = np.zeros(len(queries), dtype=np.float32)
        by_query = np.argsort(queries, kind="stable")
        for block in blocks(np.unique(queries)):
            inside = by_query[np.isin(queries[by_query], block)]
            place = np.searchsorted(block, queries[inside])
            column = np.arange(len(inside)) - np.searchsorted(place, place)
            candidates = np.full((len(block), int(column.max()) + 1), -1, dtype=np.int64)
            candidates[place, column] = targets[inside]
            stacked, _, _ = self.stacked(block, candidates)
            result[inside] = self._probabilities(block, stacked)[place, column]
        return result

    def save(self, folder: Path, notes: Mapping[str, Any]) -> None:
        """Write plain arrays and a description; nothing in them can run code."""
        arrays = self._first.logistic.arrays("logistic") | self._first.trees.trees.arrays("trees")
        save_arrays(folder / _ARRAYS, arrays | self._second[-1].arrays("second"))
        description = {"features": self._first.names, "depth": self._depth, **notes}
        write_json(folder / _DESCRIPTION, {**description, "uses_encoder": self._encoder is not None})

    @classmethod
    def load(
        cls,
        folder: Path,
        inputs: FusionInputs,
        visibility: Visibility,
        seed: int,
        encoder: FloatArray | None = None,
    ) -> "FusionRanker":
        """Return the ranking saved in `folder` over `inputs`.

        Raises MissingInputError where the folder holds none, UnreadableFileError where it is damaged or the
        inputs give other features than those it was fitted on.
        """
        if not (folder / _ARRAYS).exists():
            raise MissingInputError(f"{folder} holds no ranking; make one with: ticketkin evaluate RUN")
        description = read_record(folder / _DESCRIPTION, _Description, _REMEDY)
        maker = FeatureMaker(inputs, visibility, seed)
        if maker.names != description.features or description.uses_encoder != (encoder is not None):
            other = sorted(set(maker.names) ^ set(description.features))
            raise UnreadableFileError(
                f"The ranking in {folder} was fitted on {len(description.features)} features, the run now "
                f"gives {len(maker.names)} ({', '.join(other[:3]) or 'the encoder'} differ). {_REMEDY}"
            )
        arrays = load_arrays(folder / _ARRAYS, _REMEDY)
        n_features = len(maker.names)
        first = FirstLevel(
            maker.names,
            LogisticModel.from_arrays(arrays, "logistic", n_features),
            BoostedTrees(TreeEnsemble.from_arrays(arrays, "trees", n_features)),
        )
        n_stacked = 1 if encoder is None else 1 + _N_RELATIVE
        second = LogisticModel.from_arrays(arrays, "second", n_stacked)
        return cls(first, [second], maker, inputs, description.depth, encoder)


def fit_second_level(
    first: FirstLevel,
    inputs: FusionInputs,
    queries: IntArray,
    groups: IntArray,
    visibility: Visibility,
    settings: FusionSettings,
    seed: int,
    encoder: FloatArray | None = None,
    progress: Progress = SILENT,
) -> FusionRanker:
    """Return the ranking calibrated on evaluation `queries`, cross-fitted by kin group.

    Every ticket of fold f is scored by a model that never saw fold f; the last model, fitted on all
    of them, scores every other ticket and is what is saved.
    """
    maker = FeatureMaker(inputs, visibility, seed)
    bare = FusionRanker(first, [], maker, inputs, settings.depth, encoder)
    features, labels, owners = [], [], []
    parts = blocks(queries)
    for block in track(parts, progress, "calibrate fusion", len(parts)):
        stacked, candidates, _ = bare.stacked(block)
        there = candidates >= 0
        features.append(stacked[there])
        labels.append((groups[candidates] == groups[block][:, None])[there])
        owners.append(np.broadcast_to(groups[block][:, None], candidates.shape)[there])
    x, y = np.concatenate(features), np.concatenate(labels).astype(np.int64)
    owner = np.concatenate(owners)
    kin_groups = np.unique(groups[queries])
    n_folds = min(settings.folds, len(kin_groups))
    fold_of_kin_group = np.random.default_rng(seed).permutation(len(kin_groups)) % max(1, n_folds)
    fold = fold_of_kin_group[np.searchsorted(kin_groups, owner)]
    second = [_fit_or_pass(x[fold != f], y[fold != f]) for f in range(n_folds)]
    second.append(_fit_or_pass(x, y))
    model_of_ticket = np.full(len(groups), n_folds, dtype=np.int64)
    place = np.searchsorted(kin_groups, groups).clip(max=len(kin_groups) - 1)
    evaluated = kin_groups[place] == groups
    model_of_ticket[evaluated] = fold_of_kin_group[place[evaluated]]
    return FusionRanker(first, second, maker, inputs, settings.depth, encoder, model_of_ticket)


def _fit_or_pass(features: FloatArray, labels: IntArray) -> LogisticModel:
    """Fit, or pass the first level through where one class is missing."""
    if 0 < labels.sum() < len(labels):
        return LogisticModel.fit(features, labels)
    width = features.shape[1]
    weights = np.r_[1.0, np.zeros(width)]
    return LogisticModel(np.zeros(width), np.ones(width), weights)
