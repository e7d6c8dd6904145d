"""The one registry of metrics: what each is called, what it means, how it is computed, where it is shown.

To add a metric, add one entry to `_RETRIEVAL` or `_PAIRS`. report.json and its schema, the tables of the
report, the leaderboards, the tables on the terminal and the list in the docs derive from the registry.
"""

from ticketkin.evaluation import pair_statistics as pair
from ticketkin.evaluation import rank_statistics as rank
from ticketkin.evaluation.metric_definitions import (
    Direction,
    MetricRegistry,
    PairMetric,
    Place,
    RetrievalMetric,
    Role,
)

_SIDE_BY_SIDE = frozenset({Place.REPORT, Place.TERMINAL, Place.REPEATS, Place.LEADERBOARD})

_RETRIEVAL = (
    RetrievalMetric(
        name="mrr",
        title="MRR",
        description="1 when kin always come first, 0.5 when they come second",
        per_query=rank.reciprocal_rank,
        role=Role.PRIMARY,
        places=_SIDE_BY_SIDE | {Place.PROGRESS},
    ),
    RetrievalMetric(
        name="recall_at_1",
        title="Recall@1",
        head="R@1",
        description="share of tickets whose first result is kin",
        per_query=rank.recall_at(1),
        role=Role.GUARD,
        places=_SIDE_BY_SIDE,
    ),
    RetrievalMetric(
        name="recall_at_5",
        title="Recall@5",
        head="R@5",
        description="share of tickets with kin in the first five",
        per_query=rank.recall_at(5),
    ),
    RetrievalMetric(
        name="recall_at_10",
        title="Recall@10",
        head="R@10",
        description="share of tickets with kin in the first ten",
        per_query=rank.recall_at(10),
        role=Role.GUARD,
        places=_SIDE_BY_SIDE | {Place.PROGRESS},
    ),
    RetrievalMetric(
        name="recall_at_20",
        title="Recall@20",
        head="R@20",
        description="share of tickets with kin in the first twenty",
        per_query=rank.recall_at(20),
    ),
    RetrievalMetric(
        name="map",
        title="MAP",
        description="mean precision at the rank of each kin; unlike MRR it asks for all of them",
        per_query=rank.average_precision,
        places=frozenset({Place.LEADERBOARD}),
    ),
    RetrievalMetric(
        name="ndcg_at_10",
        title="nDCG@10",
        description="gain of the kin in the first ten, less the later they come; 1 is the best order",
        per_query=rank.ndcg_at(10),
        places=frozenset({Place.LEADERBOARD}),
    ),
)

_PAIRS = (
    PairMetric(
        name="roc_auc",
        title="ROC-AUC",
        description="chance that kin score above strangers; .5 is guessing",
        statistic=pair.of_weights(lambda sample: sample.sorted_pairs.roc_auc),
        role=Role.PRIMARY,
        places=_SIDE_BY_SIDE | {Place.PAIR_LEADERBOARD},
    ),
    PairMetric(
        name="pr_auc",
        title="PR-AUC",
        description="mean precision over all thresholds (average precision)",
        statistic=pair.of_weights(lambda sample: sample.sorted_pairs.average_precision),
        places=frozenset({Place.PAIR_LEADERBOARD}),
    ),
    PairMetric(
        name="spearman",
        title="Spearman",
        description="rank correlation of similarity and label (or grade); of two labels it says what ROC-AUC "
        "says",
        statistic=pair.of_weights(pair.spearman),
        places=frozenset({Place.PAIR_LEADERBOARD}),
    ),
    PairMetric(
        name="spearman_ceiling",
        title="Spearman ceiling",
        description="the highest Spearman correlation that so many pairs of each label (or grade) allow",
        statistic=pair.constant(pair.spearman_ceiling),
        direction=Direction.NEITHER,
    ),
    PairMetric(
        name="pearson",
        title="Pearson",
        description="linear correlation of similarity and label (or grade)",
        statistic=pair.of_weights(pair.pearson),
    ),
    PairMetric(
        name="f1",
        title="F1",
        description="balance of kin found and calls that are right",
        statistic=pair.of_counts(
            lambda n: pair.share(
                2 * n.true_positive, 2 * n.true_positive + n.false_positive + n.false_negative
            )
        ),
        places=frozenset({Place.REPORT, Place.DECISIONS}),
    ),
    PairMetric(
        name="precision",
        title="Precision",
        description="share of the pairs called kin that are kin, among these pairs",
        statistic=pair.of_counts(lambda n: pair.share(n.true_positive, n.true_positive + n.false_positive)),
        places=frozenset({Place.DECISIONS}),
    ),
    PairMetric(
        name="recall",
        title="Recall",
        description="share of the kin that are called kin",
        statistic=pair.of_counts(lambda n: n.recall),
        places=frozenset({Place.DECISIONS}),
    ),
    PairMetric(
        name="accuracy",
        title="Accuracy",
        description="share of the pairs that are called rightly",
        statistic=pair.of_counts(lambda n: n.accuracy),
        places=frozenset({Place.DECISIONS}),
    ),
    PairMetric(
        name="false_positive_rate",
        title="False positive rate",
        description="share of the other pairs that are called kin; lower is better",
        statistic=pair.of_counts(lambda n: n.false_positive_rate),
        places=frozenset({Place.DECISIONS}),
        direction=Direction.LOWER,
    ),
    PairMetric(
        name="precision_at_prevalence",
        title="Precision at prevalence",
        description="share of the pairs called kin that are kin, where kin are as rare as `prevalence` says",
        statistic=pair.stated_precision,
    ),
    PairMetric(
        name="separability",
        title="Separability",
        description="distance of the mean similarities of kin and not kin, in pooled standard deviations",
        statistic=pair.of_weights(pair.separability),
    ),
    PairMetric(
        name="threshold",
        title="Threshold",
        description="the similarity from which a pair is called kin, chosen on evaluation pairs",
        statistic=pair.constant(lambda sample: sample.threshold),
        direction=Direction.NEITHER,
        places=frozenset({Place.REPEATS}),
    ),
)

METRICS = MetricRegistry(_RETRIEVAL, _PAIRS)

# Sentences for people are made of it: "of 100 tickets, 84 find kin in the first ten".
IN_FIRST_TEN = METRICS.of_retrieval("recall_at_10")
