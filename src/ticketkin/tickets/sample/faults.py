"""What can break: the shape that the word banks of the sample share."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One symptom, told by people who see different sides of it.

    Each telling is a title and a clause; `{thing}` stands for what is hit (a device, a form, a job).
    """

    subcategory: str
    objects: tuple[str, ...]
    tellings: tuple[tuple[str, str], ...]
    causes: tuple[str, ...]


@dataclass(frozen=True)
class Service:
    """A business service, its items, who looks after it, and how it fails."""

    name: str
    category: str
    group: str
    item: str
    faults: tuple[Fault, ...]
    hits: tuple[str, ...]
    """Services that show follow-up symptoms when this one is down."""
