"""Kinds of kin in a run: typed pairs, the classifier, and how well it tells them apart."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ticketkin.core.artifacts import atomic_path, read_json, run_lock, write_json
from ticketkin.core.errors import MissingInputError, NotEnoughDataError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import IntArray, SplitName
from ticketkin.pipeline import run_data as artifact
from ticketkin.pipeline.candidates import champion_ranker
from ticketkin.pipeline.configuration import Job
from ticketkin.pipeline.relater import Retrieved, retrieve_and_classify
from ticketkin.pipeline.relation_material import RELATIONS, Material, relation_material
from ticketkin.pipeline.run_data import RunData
from ticketkin.relations.assessment import FEWEST_OF_A_CLASS, assess
from ticketkin.relations.bands import Bands
from ticketkin.relations.classifier import ModelName, RelationClassifier, fit_classifier
from ticketkin.relations.features import PairFeatures
from ticketkin.relations.pairs import KINDS, NONE, RelationPairs, support_told
from ticketkin.relations.saving import save_classifier

_GROUPS = ("embedding", "similarity", "fields", "time")


def learn_relations(
    folder: Path,
    job: Job,
    models: Sequence[ModelName] = (),
    *,
    ablation: bool = False,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Assess the classifiers `models` (the run's own by default), keep the run's own, return the record.

    Writes `relations/` into the run folder: relations.json with counts, quality and confusion of each model,
    and the classifier fitted on all pairs. `ablation` assesses the run's model without each group of
    features too. Raises MissingInputError before links and embeddings are there, NotEnoughDataError
    where fewer than two kinds can be told apart.
    """
    for name, command in ((artifact.LINKS, "links"), (artifact.TITLE_EMBEDDINGS, "embed")):
        if not (folder / name).exists():
            raise MissingInputError(f"{folder} lacks {name}. Run: ticketkin {command} {folder}")
    with run_lock(folder):
        data = RunData(folder, job)
        settings = job.settings
        material = relation_material(data)
        pairs = material.pairs()
        features = material.maker.features(pairs.left, pairs.right)
        told = [*support_told(pairs.counts, FEWEST_OF_A_CLASS), *_direction(pairs)]
        for line in (_counts_told(pairs), *told):
            progress.say(f"  {line}")
        chosen = list(dict.fromkeys([settings.relations.model, *models]))
        fold_settings = {
            "n_folds": settings.relations.folds,
            "n_repeats": settings.relations.repeats,
            "seed": settings.seed,
        }
        results: dict[str, Any] = {}
        n_bootstrap = settings.evaluation.n_bootstrap
        for name in chosen:
            found = assess(name, features, pairs, **fold_settings, progress=progress)
            results[name] = found.metrics(n_bootstrap, settings.seed) | {
                "reliability": {kind: found.reliability(kind) for kind in KINDS}
            }
        without = {}
        for group in _GROUPS if ablation else ():
            found = assess(
                settings.relations.model, features.without(group), pairs, **fold_settings, progress=progress
            )
            without[group] = found.metrics(n_bootstrap, settings.seed)["macro_f1"]
        record = {
            "model": settings.relations.model,
            "labels_from": data.links.labels_from,
            "counts": pairs.counts,
            "mixture_of_none": dict(pairs.mixture),
            "contradictions": pairs.contradictions,
            "told": told,
            **fold_settings,
            "results": results,
            "without": without,
        }
        fitted, bands, record["two_stage"] = _fitted(material, pairs, features, progress)
        with atomic_path(folder / RELATIONS) as temporary:
            fingerprint = read_json(folder / artifact.BASE_ENCODER)["fingerprint"]
            save_classifier(fitted, temporary, fingerprint, bands)
            write_json(temporary / "relations.json", record)
        return record


def _fitted(
    material: Material, pairs: RelationPairs, features: PairFeatures, progress: Progress
) -> tuple[RelationClassifier, Bands | None, dict[str, Any] | None]:
    """Return the classifier to keep, and its bands and their worth where there is a ranking to retrieve with.

    With a ranking the classifier sees the training split alone: evaluation tickets, met as a user meets them
    with their nearest others at the real base rate, set the bands; holdout tickets tell what they are worth.
    """
    data, settings = material.data, material.data.job.settings
    with_ranking = (data.folder / artifact.RANKING / "ranking.json").exists()
    chosen = np.arange(len(pairs))
    if with_ranking:
        in_train = np.zeros(len(data.tickets), dtype=np.bool_)
        in_train[data.splits.rows(data.tickets, SplitName.TRAIN)] = True
        chosen = np.flatnonzero(in_train[pairs.left] & in_train[pairs.right])
    if len(np.unique(pairs.kind[chosen])) < 2:
        raise NotEnoughDataError("The training split holds pairs of fewer than two kinds; add typed links")
    fitted = fit_classifier(
        settings.relations.model,
        features.rows(chosen),
        pairs.kind[chosen],
        pairs.block[chosen],
        settings.seed,
    )
    if not with_ranking:
        progress.say("  no ranking yet, so no bands: run ticketkin evaluate first to relate tickets")
        return fitted, None, None
    ranker = champion_ranker(data)
    kind_of = _told_kinds(data)
    found: dict[SplitName, tuple[Retrieved, IntArray, int]] = {}
    for split in (SplitName.EVALUATION, SplitName.HOLDOUT):
        queries = data.splits.rows(data.tickets, split)
        retrieved = retrieve_and_classify(
            material, ranker, fitted, queries, settings.relations.depth, progress
        )
        found[split] = retrieved, kind_of(retrieved.query, retrieved.candidate), len(queries)
    judged, kinds, _ = found[SplitName.EVALUATION]
    bands = Bands.fit(
        judged.probabilities,
        kinds,
        say_precision=settings.relations.say_precision,
        suggest_precision=settings.relations.suggest_precision,
    )
    quality = {split.value: two_stage_quality(bands, *values) for split, values in found.items()}
    return fitted, bands, {"bands": bands.to_json(), **quality}


def _told_kinds(data: RunData) -> Callable[[IntArray, IntArray], IntArray]:
    """Return a function from pairs of rows to the kind people told, kin groups counting as duplicates."""
    at, groups = data.tickets.position, data.groups.group
    kind_of: dict[frozenset[int], int] = {}
    for source, target, kind in data.links.frame.select("source", "target", "kind").iter_rows():
        kind_of.setdefault(frozenset((at[source], at[target])), KINDS.index(kind))
    duplicate, none = KINDS.index("duplicate"), KINDS.index(NONE)

    def told(left: IntArray, right: IntArray) -> IntArray:
        return np.array(
            [
                duplicate if groups[a] == groups[b] else kind_of.get(frozenset((a, b)), none)
                for a, b in zip(left.tolist(), right.tolist(), strict=True)
            ],
            dtype=np.int64,
        )

    return told


def two_stage_quality(bands: Bands, found: Retrieved, kinds: IntArray, n_queries: int) -> dict[str, Any]:
    """Return for each kind and band what is told, precision, recall, and false alarms in 1,000 tickets.

    Recall is of the pairs that were retrieved, `n_true`. A pair that nobody linked counts as a false alarm,
    though some are kin that nobody marked.
    """
    calibrated = bands.calibrated(found.probabilities)
    likeliest = calibrated.argmax(axis=1)
    quality: dict[str, Any] = {"n_queries": n_queries, "n_pairs": len(kinds)}
    for code, name in enumerate(KINDS):
        if name == NONE:
            continue
        true = kinds == code
        for band, thresholds in (("say", bands.say), ("suggest", bands.suggest)):
            threshold = thresholds.get(name)
            told = np.zeros(len(kinds), dtype=np.bool_)
            if threshold is not None:
                told = (likeliest == code) & (calibrated[:, code] >= threshold)
            n_told, n_right, n_true = int(told.sum()), int((told & true).sum()), int(true.sum())
            quality[f"{name}_{band}"] = {
                "n_said": n_told,
                "n_right": n_right,
                "n_true": n_true,
                "precision": n_right / n_told if n_told else None,
                "recall": n_right / n_true if n_true else None,
                "false_alarms_per_1000_tickets": 1000 * (n_told - n_right) / max(1, n_queries),
            }
    return quality


def _counts_told(pairs: RelationPairs) -> str:
    counts = ", ".join(f"{n:,} {name}" for name, n in pairs.counts.items())
    drawn = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in pairs.mixture.items())
    return f"{counts} (strangers: {drawn})"


def _direction(pairs: RelationPairs) -> list[str]:
    """Say how often the cause was filed first, which is what a direction by time alone would get right."""
    causal = pairs.kind == KINDS.index("causal")
    told = []
    if causal.any():
        share = float(np.mean(pairs.forward[causal]))
        told.append(
            f"the earlier ticket is the cause in {100 * share:.0f} % of {int(causal.sum())} causal pairs"
        )
    if pairs.contradictions:
        told.append(f"{len(pairs.contradictions)} pairs are told as two kinds and left out")
    return told
