"""A fitted classifier on disk: skops instead of pickle, with what it must be served with."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ticketkin.core.artifacts import read_json, write_json
from ticketkin.core.errors import InputError, UnsafeArtifactError
from ticketkin.relations.bands import Bands
from ticketkin.relations.classifier import RelationClassifier
from ticketkin.relations.pairs import KINDS

_MODEL = "classifier.skops"
_METADATA = "classifier.json"
_SCHEMA_VERSION = "1"
# Beyond what skops trusts by itself, only code of these packages may be named in a file.
_TRUSTED = ("sklearn.", "numpy.", "scipy.")


@dataclass(frozen=True)
class FittedOn:
    """Fingerprints of what a relation model was fitted on and holds for alone."""

    encoder: str
    tickets: str


def save_classifier(classifier: RelationClassifier, folder: Path, fitted_on: FittedOn, bands: Bands) -> None:
    """Write a classifier into `folder`, with its bands and what it was fitted on."""
    from skops.io import dump

    folder.mkdir(parents=True, exist_ok=True)
    dump(classifier.model, folder / _MODEL)
    save_metadata(folder, classifier.name, fitted_on, bands, columns=classifier.columns)


def save_metadata(
    folder: Path, model: str, fitted_on: FittedOn, bands: Bands, columns: Sequence[str] = ()
) -> None:
    """Write what a relation model must be served with: its name, its origin, its bands, its features."""
    write_json(
        folder / _METADATA,
        {
            "schema_version": _SCHEMA_VERSION,
            "model": model,
            "columns": list(columns),
            "kinds": list(KINDS),
            "fitted_on": asdict(fitted_on),
            "bands": bands.to_json(),
        },
    )


def saved_model(folder: Path, served_with: FittedOn) -> str:
    """Return the name of the saved model.

    Raises InputError where it was fitted in a run with another encoder or other tickets, with both
    fingerprints.
    """
    metadata: dict[str, Any] = read_json(folder / _METADATA)
    fitted_on = FittedOn(**metadata["fitted_on"])
    for what, fitted, served in (
        ("embeddings of the encoder", fitted_on.encoder, served_with.encoder),
        ("the tickets", fitted_on.tickets, served_with.tickets),
    ):
        if fitted != served:
            raise InputError(
                f"The relation model in {folder} was fitted on {what} {fitted[:16]}…, these are "
                f"{served[:16]}…: it belongs to another run. Fit it again: ticketkin relations RUN"
            )
    return str(metadata["model"])


def load_classifier(folder: Path, served_with: FittedOn) -> RelationClassifier:
    """Return a saved classifier.

    Raises UnsafeArtifactError where the file names code that is not scikit-learn's, InputError as
    `saved_model`.
    """
    from skops.io import get_untrusted_types, load

    name = saved_model(folder, served_with)
    named = get_untrusted_types(file=folder / _MODEL)
    foreign = [name for name in named if not name.startswith(_TRUSTED)]
    if foreign:
        raise UnsafeArtifactError(
            f"{folder / _MODEL} names code that is not scikit-learn's: {', '.join(foreign[:3])}; fit it again"
        )
    model = load(folder / _MODEL, trusted=named)
    return RelationClassifier(name, model, read_json(folder / _METADATA)["columns"])  # type: ignore[arg-type]


def load_bands(folder: Path) -> Bands:
    """Return the bands saved with a classifier."""
    return Bands.from_json(read_json(folder / _METADATA)["bands"])
