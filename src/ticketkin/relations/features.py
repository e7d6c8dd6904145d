"""Features of pairs of tickets, named and in groups."""

from dataclasses import dataclass, replace

import numpy as np

from ticketkin.core.tables import FloatArray, IntArray


@dataclass(frozen=True)
class PairFeatures:
    """Features in named groups; columns of a group stand together."""

    values: FloatArray
    """Shape (n_pairs, n_features)."""
    names: list[str]
    groups: list[str]
    """Group of each column: embedding, similarity, fields, values or time."""

    def without(self, group: str) -> "PairFeatures":
        """Return the features without one group, for an ablation."""
        return self._chosen([name != group for name in self.groups])

    def only(self, *groups: str) -> "PairFeatures":
        """Return the features of some groups."""
        return self._chosen([name in groups for name in self.groups])

    def columns(self, names: list[str]) -> FloatArray:
        """Return the columns of `names`, (n_pairs, len(names)). Raises ValueError where one is absent."""
        place = {name: column for column, name in enumerate(self.names)}
        absent = [name for name in names if name not in place]
        if absent:
            raise ValueError(f"the classifier needs features that are not there: {', '.join(absent[:5])}")
        return self.values[:, [place[name] for name in names]]

    def starting_with(self, *beginnings: str) -> "PairFeatures":
        """Return the features whose names begin so."""
        return self._chosen([name.startswith(beginnings) for name in self.names])

    def rows(self, places: IntArray) -> "PairFeatures":
        """Return the features of some pairs."""
        return replace(self, values=self.values[places])

    def _chosen(self, kept: list[bool]) -> "PairFeatures":
        places = np.flatnonzero(kept)
        return PairFeatures(
            self.values[:, places], [self.names[p] for p in places], [self.groups[p] for p in places]
        )
