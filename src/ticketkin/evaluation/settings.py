"""Settings of metrics, thresholds and intervals, and of what a model must reach."""

from typing import Literal

from pydantic import Field

from ticketkin.core.stage_settings import StageSettings


class EvaluationSettings(StageSettings):
    """Metrics, thresholds, intervals."""

    by: Literal["auto", "split", "folds"] = "auto"
    """How candidates are judged: 'split' on links put aside, 'folds' on all links by weights that never saw
    them. 'auto' takes folds where a split would leave too few kin groups to prove anything.
    """
    folds: int = Field(default=5, ge=2, le=100)
    """Folds of kin groups where candidates are judged by folds, and inside of each to choose by."""
    repeats: int | None = Field(default=None, ge=1, le=100)
    """How often the folds are drawn anew; every ticket counts once, with the mean of its results. Without a
    number ten times where kin groups are few, as a verdict of three draws would hang on the draw, down to
    three times from 200 groups on."""
    shuffles: int = Field(default=20, ge=0, le=1_000)
    """How often the whole procedure is tried on shuffled links, in which it must find nothing."""
    tuned_in_folds: bool = False
    """Tune 'lora' and 'full' anew in each fold, which takes hours where it takes minutes in a split; without
    it they are not judged where folds judge."""
    learning_curve: bool = True
    """Whether the learned ranking is fitted on parts of the links, too: it shows what more would bring."""
    smallest_gain: float = Field(default=0.01, ge=0, lt=1)
    """Gain in MRR below which a change is not worth having, however sure it is."""
    n_bootstrap: int = Field(default=1_000, ge=100, le=1_000_000)
    """Resamples of kin groups behind each 95 % interval."""
    threshold_target: Literal["false_positive_rate", "precision", "f1"] = "false_positive_rate"
    """What the threshold is chosen for, on evaluation pairs only."""
    target_value: float = Field(default=0.05, gt=0, lt=1)
    """The false-positive rate not to exceed, or the precision to reach."""
    threshold_folds: int = Field(default=5, ge=0, le=100)
    """Folds of the evaluation pairs whose thresholds' median is taken; 0 chooses on all pairs at once."""
    prevalence: float = Field(default=0.01, gt=0, lt=1)
    """Share of true kin among the pairs a user will meet; precision is stated at it."""
    negatives_per_positive: int = Field(default=5, ge=1, le=1_000)
    """Negatives in the fixed evaluation and holdout pairs."""


class ReadinessSettings(StageSettings):
    """What a model must reach before it is put to work; the defaults are strict."""

    roc_auc: float = Field(default=0.95, gt=0.5, le=1)
    """ROC-AUC of the holdout pairs; 'good' asks .85 and 'minimum' .75 whatever stands here."""
    spearman: float = Field(default=0.80, gt=0, le=1)
    """Spearman correlation on balanced pairs; for other shares of kin it is scaled by its ceiling there,
    over grades of a file it is asked as it is."""
    false_positive_rate: float = Field(default=0.20, gt=0, lt=1)
    """Share of strangers called kin at the chosen threshold, at most."""
    false_alarms: float = Field(default=100.0, ge=0, le=1_000_000)
    """Pairs said or suggested wrongly in 1,000 tickets, at most; with more the tier is 'good' at most."""
    holdout_gap: float = Field(default=0.05, gt=0, lt=1)
    """Share by which MRR on the holdout may lie below that on the evaluation links."""
    latency_ms: float = Field(default=500.0, gt=0, le=86_400_000)
    """Milliseconds to encode one ticket and rank all others, at most."""
