"""Kinds of kin in a run: typed pairs, the classifier, and how well it tells them apart."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ticketkin.core.artifacts import write_json
from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.progress import Progress
from ticketkin.core.tables import IntArray, SplitName
from ticketkin.relations.assessment import FEWEST_OF_A_CLASS, Fit, assess, feature_fit
from ticketkin.relations.bands import Bands
from ticketkin.relations.classifier import FeatureKindModel, KindModel, fit_classifier
from ticketkin.relations.cross_kinds import CROSS_ENCODER
from ticketkin.relations.cross_training import CrossTrainer
from ticketkin.relations.features import PairFeatures
from ticketkin.relations.gates import relation_gates
from ticketkin.relations.linked_kinds import LinkedKinds
from ticketkin.relations.pair_state import PairState
from ticketkin.relations.pairs import KINDS, RelationPairs, support_notes
from ticketkin.relations.saving import FittedOn
from ticketkin.relations.scorer import KindScorer
from ticketkin.relations.settings import RelationModel
from ticketkin.relations.two_stage import Retrieved, two_stage_quality
from ticketkin.runs.stages import StageRun
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.candidates import champion_ranker, state_rows
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.relater import retrieve_and_classify
from ticketkin.workflows.relation_material import Material, described_pairs, fingerprints, relation_material
from ticketkin.workflows.run_data import RunData

_GROUPS = ("embedding", "similarity", "fields", "values", "time")


def run_relations(run: StageRun[Job]) -> None:
    """Learn kinds where typed links allow it, and write `relations/`; else write why not.

    relations.json holds counts, quality and confusion of each model and the gates; beside it lies the
    classifier, fitted on the training split.
    """
    with run.writing(artifact.RELATIONS) as temporary:
        try:
            work = run.place(artifact.CROSS_ENCODER_WORK)
            record = _learn(RunData(run.values, run.job), temporary, work, run.progress)
        except NotEnoughDataError as error:
            run.progress.say(f"  kinds of kin were not learned: {error}")
            record = {"learned": False, "reason": str(error)}
        write_json(temporary / "relations.json", record)


@dataclass(frozen=True)
class _Lesson:
    """What is learned from, and how it is assessed."""

    material: Material
    state: PairState
    pairs: RelationPairs
    features: PairFeatures
    work: Path
    """Where cross-encoders keep what a killed assessment goes on with."""
    progress: Progress

    def cross_trainer(self) -> CrossTrainer:
        """Return what trains cross-encoders on these pairs."""
        data = self.material.data
        settings = data.job.settings
        return CrossTrainer.of(
            data.texts,
            self.pairs,
            settings.relations.cross_encoder,
            settings.encoder,
            self.work,
            self.progress,
        )

    def assessed(self, name: str, fit: Fit) -> dict[str, Any]:
        """Return quality, confusion and reliability of a way to fit, out of fold."""
        settings = self.material.data.job.settings
        found = assess(
            name,
            fit,
            self.pairs,
            n_folds=settings.relations.folds,
            # A cross-encoder is trained anew for each fold: one repeat is what that costs.
            n_repeats=1 if name == CROSS_ENCODER else settings.relations.repeats,
            seed=settings.seed,
            progress=self.progress,
        )
        metrics = found.metrics(settings.evaluation.n_bootstrap, settings.seed)
        return metrics | {
            "reliability": {kind: found.reliability(kind) for kind in KINDS},
            "direction_by_time": found.direction_by_time(),
        }

    def model(self, name: RelationModel, without: str = "") -> dict[str, Any]:
        """Return the quality of a model, perhaps without a group of features."""
        if name == CROSS_ENCODER:
            return self.assessed(name, self.cross_trainer().fit)
        features = self.features.without(without) if without else self.features
        return self.assessed(name, feature_fit(name, features, self.pairs))


def _learn(data: RunData, folder: Path, work: Path, progress: Progress) -> dict[str, Any]:
    settings = data.job.settings
    material = relation_material(data)
    pairs = material.pairs()
    state = PairState.fit(material.given, state_rows(data))
    for line in _notes_on(pairs):
        progress.say(f"  {line}")
    features = state.features(*described_pairs(state, material.given, pairs.left, pairs.right))
    lesson = _Lesson(material, state, pairs, features, work, progress)
    chosen = settings.relations.model
    names = dict.fromkeys((chosen, "majority", *settings.relations.compare))
    results = {name: lesson.model(name) for name in names}
    without = {
        group: lesson.model(chosen, group)["macro_f1"]
        for group in _GROUPS
        if settings.relations.ablation and chosen != CROSS_ENCODER
    }
    record: dict[str, Any] = {
        "learned": True,
        "model": chosen,
        "labels_from": data.links.labels_from,
        "counts": pairs.counts,
        "mixture_of_none": dict(pairs.mixture),
        "contradictions": pairs.contradictions,
        "contradiction_rule": settings.relations.contradictions,
        "told": _notes_on(pairs)[1:],
        "n_folds": settings.relations.folds,
        "n_repeats": settings.relations.repeats,
        "seed": settings.seed,
        "results": results,
        "without": without,
        "causes": _causes(lesson) if settings.relations.causes else None,
        "two_stage": _keep(lesson, folder),
    }
    record["gates"] = [check.to_json() for check in relation_gates(record, FEWEST_OF_A_CLASS)]
    for line in _quality_notes(record):
        progress.say(f"  {line}")
    return record


def _causes(lesson: _Lesson) -> dict[str, Any]:
    settings = lesson.material.data.job.settings
    return lesson.cross_trainer().assess_causes(settings.seed, settings.evaluation.n_bootstrap)


def _quality_notes(record: Mapping[str, Any]) -> list[str]:
    """Return how well kinds are told apart, and what of the holdout is told outright or suggested."""
    against = next(gate for gate in record["gates"] if gate["code"] == "relation_better_than_majority")
    found = record["two_stage"]
    held_out = found["holdout"]
    told = []
    for band, verb in (("say", "said"), ("suggest", "said or suggested")):
        for kind in KINDS:
            quality = held_out.get(f"{kind}_{band}")
            if quality and quality["n_said"]:
                told.append(f"{quality['n_said']:,} {kind} {verb}, {quality['n_right']:,} right")
    if not told:
        told = [f"nothing is told: no probability reached precision {found['suggest_precision']:.2f}"]
    return [
        f"{record['model']}: {against['evidence']}",
        f"{held_out['n_queries']:,} holdout tickets with their nearest: {'; '.join(told)} "
        "(a pair that nobody linked counts as wrong)",
    ]


def _keep(lesson: _Lesson, folder: Path) -> dict[str, Any]:
    """Fit on the training split, save it with its bands into `folder`, and return what those are worth.

    Evaluation tickets, met as a user meets them with their nearest others at the real base rate, set the
    bands; holdout tickets tell what they are worth.
    """
    data, pairs = lesson.material.data, lesson.pairs
    settings = data.job.settings
    in_train = np.zeros(len(data.tickets), dtype=np.bool_)
    in_train[data.splits.rows(data.tickets, SplitName.TRAIN)] = True
    chosen = np.flatnonzero(in_train[pairs.left] & in_train[pairs.right])
    if len(np.unique(pairs.kind[chosen])) < 2:
        raise NotEnoughDataError("The training split holds pairs of fewer than two kinds; add typed links")
    encoder, tickets = fingerprints(data)
    fitted_on = FittedOn(encoder, lesson.state.fingerprint, tickets)
    kinds = KindScorer(lesson.state, _kept_model(lesson, chosen, folder), Bands.silent(), fitted_on)
    ranker, linked = champion_ranker(data), _linked_kinds(data)
    found: dict[SplitName, tuple[Retrieved, IntArray, dict[str, int]]] = {}
    for split in (SplitName.EVALUATION, SplitName.HOLDOUT):
        queries = data.splits.rows(data.tickets, split)
        retrieved = retrieve_and_classify(
            lesson.material, ranker, kinds, queries, settings.relations.depth, lesson.progress
        )
        counts = _kin_within_reach(data, linked, queries) | {"n_queries": len(queries)}
        found[split] = retrieved, linked.of_pairs(retrieved.query, retrieved.candidate), counts
    bands = Bands.fit(
        found[SplitName.EVALUATION][0].probabilities,
        found[SplitName.EVALUATION][0].similarities,
        found[SplitName.EVALUATION][1],
        say_precision=settings.relations.say_precision,
        suggest_precision=settings.relations.suggest_precision,
        judged=[name for name, n in pairs.counts.items() if n >= FEWEST_OF_A_CLASS],
    )
    replace(kinds, bands=bands).save(folder)
    return {
        "say_precision": settings.relations.say_precision,
        "suggest_precision": settings.relations.suggest_precision,
        "bands": bands.to_json(),
        "pairs_by_split": {
            SplitName.TRAIN.value: _counts(pairs.kind[chosen]),
            **{
                split.value: {name: counts[name] for name in KINDS} for split, (_, _, counts) in found.items()
            },
        },
        **{split.value: two_stage_quality(bands, *values) for split, values in found.items()},
    }


def _counts(kinds: IntArray) -> dict[str, int]:
    """Return pairs by kind."""
    return {name: int((kinds == code).sum()) for code, name in enumerate(KINDS)}


def _kept_model(lesson: _Lesson, places: IntArray, folder: Path) -> KindModel:
    """Return the run's model fitted on some pairs; a cross-encoder is written into `folder`."""
    settings, pairs = lesson.material.data.job.settings, lesson.pairs
    name = settings.relations.model
    if name == CROSS_ENCODER:
        return lesson.cross_trainer().keep(places, settings.seed, folder)
    fitted = fit_classifier(
        name, lesson.features.rows(places), pairs.kind[places], pairs.block[places], settings.seed
    )
    return FeatureKindModel(lesson.state, fitted)


def _linked_kinds(data: RunData) -> LinkedKinds:
    return LinkedKinds.of(data.tickets, data.links, data.groups, data.stated_kinds)


def _kin_within_reach(data: RunData, linked: LinkedKinds, queries: IntArray) -> dict[str, int]:
    """Return by kind how many pairs of a query and a ticket that it may see people told."""
    order = data.visibility.order
    kinds = [
        kind
        for row in queries.tolist()
        for other, kind in linked.kin_of(row).items()
        if order is None or order[other] < order[row]
    ]
    return _counts(np.array(kinds, dtype=np.int64))


def _notes_on(pairs: RelationPairs) -> list[str]:
    """Return what must be known before any result: counts, rare kinds, directions, contradictions."""
    counts = ", ".join(f"{n:,} {name}" for name, n in pairs.counts.items())
    drawn = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in pairs.mixture.items())
    told = [f"{counts} (strangers: {drawn})", *support_notes(pairs.counts, FEWEST_OF_A_CLASS)]
    causal = pairs.kind == KINDS.index("causal")
    if causal.any():
        share = 100 * float(np.mean(pairs.forward[causal]))
        told.append(f"the earlier ticket is the cause in {share:.0f} % of {int(causal.sum())} causal pairs")
    if pairs.n_apart_left_out:
        told.append(
            f"{pairs.n_apart_left_out} pairs told as none would join too many tickets and are left out"
        )
    if pairs.contradictions:
        told.append(f"{len(pairs.contradictions)} pairs are told as two kinds")
    return told
