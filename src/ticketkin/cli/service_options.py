"""What the commands of a service share: its bundle, its data, the extra it needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ticketkin.core.errors import MissingExtraError


def bundle_in(folder: Path | str) -> Path:
    """Return the bundle that a folder is, or that it holds as a run does."""
    path = Path(folder)
    return path / "bundle" if (path / "bundle" / "bundle.json").is_file() else path


BundleFolder = Annotated[
    Path, typer.Argument(help="Bundle, or a run with one.", metavar="BUNDLE", parser=bundle_in)
]


DataOption = Annotated[
    Path | None,
    typer.Option("--data", help="Folder of the service's own data; default: BUNDLE-service."),
]


@contextmanager
def extra_named() -> Iterator[None]:
    """Turn a package that is missing into an error that names what to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"A service needs {error.name}, which is not installed; install: pip install 'ticketkin[service]'"
        ) from error
