"""Kinds of kin in a run: typed pairs, the classifier, and how well it tells them apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ticketkin.core.artifacts import atomic_path, read_json, run_lock, write_json
from ticketkin.core.errors import MissingInputError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.lexical.neighbours import tfidf_matrix
from ticketkin.pipeline import run_data as artifact
from ticketkin.pipeline.configuration import Job
from ticketkin.pipeline.run_data import RunData
from ticketkin.relations.assessment import FEWEST_OF_A_CLASS, assess
from ticketkin.relations.classifier import ModelName, fit_classifier
from ticketkin.relations.features import PairFeatureMaker
from ticketkin.relations.pairs import KINDS, RelationPairs, relation_pairs, support_told
from ticketkin.relations.saving import save_classifier

RELATIONS = "relations"
_GROUPS = ("embedding", "similarity", "fields", "time")


@dataclass(frozen=True)
class Material:
    """The typed pairs of a run and the maker of their features."""

    pairs: RelationPairs
    maker: PairFeatureMaker


def relation_material(data: RunData) -> Material:
    """Return the pairs and features of a run, on the untouched embeddings, which no link has shaped."""
    settings = data.job.settings
    words = tfidf_matrix(data.texts)
    pairs = relation_pairs(
        data.tickets,
        data.links,
        data.groups.group,
        words,
        settings.seed,
        settings.relations.none_per_linked,
    )
    maker = PairFeatureMaker(
        data.tickets,
        data.embeddings(artifact.BASE_EMBEDDINGS),
        data.embeddings(artifact.TITLE_EMBEDDINGS),
        words,
        tfidf_matrix(data.titles, "characters"),
    )
    return Material(pairs, maker)


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
        pairs = material.pairs
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
        fitted = fit_classifier(settings.relations.model, features, pairs.kind, pairs.block, settings.seed)
        with atomic_path(folder / RELATIONS) as temporary:
            save_classifier(fitted, temporary, read_json(folder / artifact.BASE_ENCODER)["fingerprint"])
            write_json(temporary / "relations.json", record)
        return record


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
