"""What to know of a verdict before its numbers are relied on."""

from collections.abc import Mapping

import numpy as np

from ticketkin.core.wording import number_of
from ticketkin.evaluation.bootstrap import (
    FEW_CLUSTERS,
)
from ticketkin.evaluation.retrieval import RetrievalScores
from ticketkin.evaluation.schema import Warning


def n_kin_groups(scores: Mapping[str, RetrievalScores]) -> int:
    """Return the number of kin groups in the evaluation."""
    return len(np.unique(next(iter(scores.values())).clusters))


def warnings_of(
    scores: Mapping[str, RetrievalScores], labels_from: str, synthetic: bool, *, by_split: bool = True
) -> list[Warning]:
    """Return what to know before the numbers are relied on: a code and a message each."""
    warnings = []
    if labels_from == "silver":
        warnings.append(
            Warning(
                code="silver_labels",
                message="People linked none of these tickets, or too few. The labels come from word overlap, "
                "so a ranker near to word overlap looks best. Add people's links with --links FILE",
            )
        )
    if synthetic:
        warnings.append(
            Warning(
                code="synthetic",
                message="These tickets are the built-in sample; no real desk wrote them",
            )
        )
    n_clusters = n_kin_groups(scores)
    if n_clusters < FEW_CLUSTERS:
        warnings.append(
            Warning(
                code="few_kin_groups",
                message=f"Only {number_of(n_clusters, 'kin group judges', 'kin groups judge')} the "
                "candidates; below "
                f"{FEW_CLUSTERS} the "
                f"intervals are too narrow. Add links{', or raise split.evaluation' if by_split else ''}",
            )
        )
    return warnings
