"""Where a service keeps its data: the database, and the indexes of this machine's processes."""

import os
from dataclasses import dataclass
from pathlib import Path

from ticketkin.core.errors import MissingInputError
from ticketkin.core.run_ownership import owning_run
from ticketkin.core.user_folders import user_folder
from ticketkin.serving.manifest import MANIFEST
from ticketkin.store.database import DATABASE_URL, Database


@dataclass(frozen=True)
class Place:
    """A folder, and the address of a database elsewhere."""

    bundle: Path
    """The bundle that is served, or was."""
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
        return cls(bundle, folder or _default(bundle, url), url)

    @property
    def indexes(self) -> Path:
        """Where indexes lie."""
        return self.folder / "indexes"

    def database(self) -> Database:
        """Open the database, which is begun where there is none yet.

        Raises MissingInputError where there is neither that nor the bundle, else as `Database.open`.
        """
        if not (self.bundle / MANIFEST).is_file():
            return self.existing_database()
        return Database.open(self.url, self._database)

    def existing_database(self) -> Database:
        """Open the database of a service that was started before. Raises MissingInputError without one."""
        if self.url is None and not self._database.is_dir():
            raise MissingInputError(
                f"Nothing was ever served from {self.folder}, so nothing was done. Name the bundle or the "
                "run that is served, and with --data the folder of its data where that lies elsewhere"
            )
        return Database.open(self.url, self._database)

    @property
    def _database(self) -> Path:
        return self.folder / "database"

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
