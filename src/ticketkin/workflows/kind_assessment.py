"""How well each model tells kinds apart in a run, which of them is kept, and whether causes are read, too."""

from dataclasses import dataclass

import numpy as np

from ticketkin.core.tables import Float64Array
from ticketkin.evaluation.bootstrap import Interval
from ticketkin.relations.assessment import FEWEST_OF_A_CLASS
from ticketkin.relations.cause_training import CauseTrainer
from ticketkin.relations.cross_kinds import CROSS_ENCODER
from ticketkin.relations.cross_training import N_CAUSE_LABELS
from ticketkin.relations.gates import beats_guessing
from ticketkin.relations.record import CauseQuality, ClassifierChoice, ModelQuality
from ticketkin.relations.settings import AUTO, RelationModel
from ticketkin.workflows.kind_lesson import KindLesson

_GROUPS = ("embedding", "similarity", "fields", "values", "time")


@dataclass(frozen=True)
class AssessedKinds:
    """The quality of each model, and which of them is kept."""

    kept: RelationModel
    reported: str
    """Name of the result that is reported as the kept model's quality: its own, or that of choosing it."""
    results: dict[str, ModelQuality]
    choice: ClassifierChoice | None
    out_of_fold: Float64Array
    """What the reported one says of each pair out of fold, mean over repeats, shape (n_pairs, 4)."""

    @classmethod
    def of(cls, lesson: KindLesson) -> "AssessedKinds":
        """Assess the kept model, the majority class, and what the settings compare."""
        settings = lesson.settings
        compared: list[RelationModel] = ["majority", *settings.compare]
        choice: ClassifierChoice | None = None
        if settings.model == AUTO:
            choice, own = lesson.chosen()
            kept: RelationModel = choice.chosen
            if settings.ablation:  # which is of one classifier, and compared with it
                compared.append(kept)
        else:
            kept, own = settings.model, lesson.model(settings.model)
        results: dict[str, ModelQuality] = {settings.model: lesson.quality(own)}
        for name in dict.fromkeys(compared):
            if name not in results:
                results[name] = lesson.quality(lesson.model(name))
        return cls(kept, settings.model, results, choice, np.mean(own.probabilities, axis=0))

    @property
    def kinds_to_judge(self) -> list[str]:
        """The kinds that may be said: enough pairs, and distinguished better than by guessing."""
        reported = self.results[self.reported]
        return [
            name
            for name, n in reported.counts.items()
            if n >= FEWEST_OF_A_CLASS and beats_guessing(reported.by_kind[name], reported.counts)
        ]

    def ablation(self, lesson: KindLesson) -> dict[str, Interval]:
        """Return the macro F1 of the kept classifier without each group of features."""
        if self.kept == CROSS_ENCODER:
            return {}
        return {group: lesson.quality(lesson.model(self.kept, group)).macro_f1 for group in _GROUPS}

    def causes(self, lesson: KindLesson) -> CauseQuality:
        """Return how well a cross-encoder of causes does, alone and beside the kept model."""
        n_bootstrap = lesson.material.data.job.settings.evaluation.n_bootstrap
        trainer = CauseTrainer(lesson.cross_trainer(N_CAUSE_LABELS))
        return trainer.assess(self.out_of_fold, np.flatnonzero(lesson.judging), lesson.seed, n_bootstrap)
