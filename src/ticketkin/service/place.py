"""Where a service keeps its own: the database, and the indexes of this machine's processes."""

import os
from dataclasses import dataclass
from pathlib import Path

from ticketkin.core.run_ownership import owning_run
from ticketkin.core.user_folders import user_folder
from ticketkin.serving.manifest import MANIFEST
from ticketkin.store.database import DATABASE_URL, Database


@dataclass(frozen=True)
class Place:
    """A folder, and the address of a database elsewhere."""

    folder: Path
    url: str | None
    """None where the database lies in the folder."""

    @classmethod
    def of(cls, bundle: Path, folder: Path | None) -> "Place":
        """Return the place of the service of a bundle: `folder`, or one beside the bundle.

        Not one in it, as a bundle is replaced whole. With a database elsewhere the folder holds nothing but
        what can be made again, so by default it is the user's cache.
        """
        url = os.environ.get(DATABASE_URL) or None
        return cls(folder or _default(bundle, url), url)

    @property
    def indexes(self) -> Path:
        """Where indexes lie."""
        return self.folder / "indexes"

    def database(self) -> Database:
        """Open the database. Raises as it does."""
        return Database.open(self.url, self.folder / "database")

    def __str__(self) -> str:
        """Return what a person is told."""
        return f"{self.folder}" if self.url is None else f"the database of {DATABASE_URL}"


def _default(bundle: Path, url: str | None) -> Path:
    if url is not None:
        cache = user_folder("XDG_CACHE_HOME", ".cache")
        return (cache or bundle.absolute().parent) / "ticketkin" / "service"
    run = owning_run(bundle / MANIFEST)
    if run is not None:
        return run / "service"
    whole = bundle.absolute()
    return whole.with_name(f"{whole.name}-service")
