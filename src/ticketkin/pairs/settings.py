"""Settings of training and test pairs."""

from typing import Literal

from pydantic import Field

from ticketkin.core.stage_settings import StageSettings
from ticketkin.core.tables import Labeller

PairSource = Literal[
    "auto",
    "given",
    "links",
    "hard-negatives",
    "tfidf-hybrid",
    "tfidf-hard-negatives",
    "curriculum-bands",
    "category-phases",
    "cross-category-positives",
    "borderline",
]
BY_DEFAULT: tuple[PairSource, ...] = ("links", "hard-negatives")
"""What 'auto' stands for over an export."""
SILVER_SOURCES: frozenset[str] = frozenset({"tfidf-hybrid", "curriculum-bands", "cross-category-positives"})
"""Sources whose labels come from a similarity, but for pairs that people linked."""


class PairSettings(StageSettings):
    """Training and test pairs."""

    sources: tuple[PairSource, ...] = Field(default=("auto",), min_length=1)
    """Where training pairs come from, in this order; `auto` is `links,hard-negatives` of an export and
    `given` of a file of pairs. Test pairs always come from links, or from the file."""
    labels_from: Labeller = "unknown"
    """Who labelled the pairs of a file: a person, a rule or a model."""
    kin_from: float | None = Field(default=None, gt=0, le=100)
    """Grade from which a pair of a file is kin, where its labels are grades (0 to 1, 1 to 5)."""
    n_drawn: int = Field(default=2_000, ge=10, le=10_000_000)
    """Pairs that a source which draws from similarities adds, at most."""
    hybrid_hard_share: float = Field(default=0.3, ge=0, lt=1)
    """Share of hard negatives among the pairs of 'tfidf-hybrid'."""
    hard_negatives_per_positive: int = Field(default=3, ge=1, le=20)
    """Mined negatives for each positive."""
    max_positives_per_group: int = Field(default=50, ge=1, le=100_000)
    """Large kin groups are sampled down to this many positives."""
    false_negative_margin: float = Field(default=0.95, gt=0, le=1)
    """A negative more similar than this share of its positive's similarity is taken for unmarked kin."""
    n_neighbours: int = Field(default=50, ge=5, le=10_000)
    """Neighbours of each ticket searched for hard negatives."""
