"""Filing order where opening times are missing: numeric ids of one prefix grow as tickets are filed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ticketkin.core.arrays import AnyArray, SavedArrays
from ticketkin.core.tables import Float64Array

# Places between two known numbers are interpolated: more knots than these tell nothing.
_MOST_KNOTS = 10_000
_NUMBERED = re.compile(r"(\D*)(\d{1,15})")


@dataclass(frozen=True)
class FilingPlaces:
    """A rising map from the number in an id to a place in filing order, in tickets."""

    prefix: str
    numbers: Float64Array
    """Strictly ascending, shape (n_knots,), at least two."""
    places: Float64Array
    """Of each number."""

    @classmethod
    def fit(cls, ids: Sequence[str]) -> "FilingPlaces | None":
        """Return the map of the given ids; None where they are not numbers of one prefix."""
        matches = [_NUMBERED.fullmatch(ticket_id) for ticket_id in ids]
        known = [match for match in matches if match]
        if len(known) != len(ids) or len({match[1] for match in known}) != 1:
            return None
        numbers = np.unique(np.array([int(match[2]) for match in known], dtype=np.float64))
        if len(numbers) < 2:
            return None
        knots = np.unique(np.linspace(0, len(numbers) - 1, min(len(numbers), _MOST_KNOTS)).astype(np.int64))
        return cls(known[0][1], numbers[knots], knots.astype(np.float64))

    def of(self, ids: Sequence[str]) -> Float64Array:
        """Return the place of each id, NaN where it has another form.

        Between two known numbers the place is interpolated; before the first and beyond the last, places go
        on as densely as they lie on average.
        """
        matches = [_NUMBERED.fullmatch(ticket_id) for ticket_id in ids]
        numbers = np.array([int(m[2]) if m and m[1] == self.prefix else np.nan for m in matches])
        places: Float64Array = np.interp(numbers, self.numbers, self.places)
        density = (self.places[-1] - self.places[0]) / (self.numbers[-1] - self.numbers[0])
        places += density * np.minimum(numbers - self.numbers[0], 0)
        places += density * np.maximum(numbers - self.numbers[-1], 0)
        return places

    def same_as(self, other: "FilingPlaces") -> bool:
        """Return whether `of` both is the same of any ids."""
        return (
            self.prefix == other.prefix
            and np.array_equal(self.numbers, other.numbers)
            and np.array_equal(self.places, other.places)
        )

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays to save."""
        return {"filing_numbers": self.numbers, "filing_places": self.places}

    @classmethod
    def from_arrays(cls, arrays: SavedArrays, prefix: str) -> "FilingPlaces":
        """Rebuild from saved arrays. Raises UnreadableFileError where they are no rising map."""
        numbers = arrays.get("filing_numbers", np.float64, (None,))
        places = arrays.get("filing_places", np.float64, (len(numbers),))
        if len(numbers) < 2 or (np.diff(numbers) <= 0).any() or (np.diff(places) < 0).any():
            raise arrays.damaged("filing_numbers and filing_places are no rising map")
        return cls(prefix, numbers, places)
