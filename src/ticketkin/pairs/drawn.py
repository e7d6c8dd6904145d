"""Labelled pairs of ticket rows as a source gives them."""

from dataclasses import dataclass, replace

from ticketkin.core.tables import IntArray, Origin, Phase

MINED = "mined"


@dataclass(frozen=True)
class DrawnPairs:
    """Labelled pairs of ticket rows; all of shape (n,)."""

    left: IntArray
    right: IntArray
    label: IntArray
    silver: bool = False
    """True: a similarity gave the labels."""
    phase: Phase | None = None
    """None: measured like all others."""
    judged: bool = False
    """True: a person gave the labels in a review."""

    def __len__(self) -> int:
        return len(self.left)

    @property
    def kin(self) -> "DrawnPairs":
        """The pairs labelled kin alone."""
        chosen = self.label == 1
        return replace(self, left=self.left[chosen], right=self.right[chosen], label=self.label[chosen])

    @property
    def origin(self) -> str:
        """Who gave the label where no link names the pair."""
        if self.judged:
            return Origin.REVIEW.value
        return Origin.SILVER.value if self.silver else MINED


@dataclass(frozen=True)
class NamedPairs:
    """Pairs and the source that gave them."""

    pairs: DrawnPairs
    source: str
    reason: str = ""
    """Why they were drawn beside the pairs of a file."""
