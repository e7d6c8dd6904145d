"""A fitted classifier on disk: skops instead of pickle, with what it must be served with."""

from collections.abc import Sequence
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


def save_classifier(
    classifier: RelationClassifier, folder: Path, encoder_fingerprint: str, bands: Bands
) -> None:
    """Write a classifier into `folder`, with its bands; it holds for embeddings of that encoder alone."""
    from skops.io import dump

    folder.mkdir(parents=True, exist_ok=True)
    dump(classifier.model, folder / _MODEL)
    save_metadata(folder, classifier.name, encoder_fingerprint, bands, columns=classifier.columns)


def save_metadata(
    folder: Path, model: str, encoder_fingerprint: str, bands: Bands, columns: Sequence[str] = ()
) -> None:
    """Write what a relation model must be served with: its name, its encoder, its bands, its features."""
    write_json(
        folder / _METADATA,
        {
            "schema_version": _SCHEMA_VERSION,
            "model": model,
            "columns": list(columns),
            "kinds": list(KINDS),
            "encoder_fingerprint": encoder_fingerprint,
            "bands": bands.to_json(),
        },
    )


def saved_model(folder: Path, encoder_fingerprint: str) -> str:
    """Return the name of the saved model.

    Raises InputError where it was fitted in a run with another encoder, with both fingerprints.
    """
    metadata: dict[str, Any] = read_json(folder / _METADATA)
    if metadata["encoder_fingerprint"] != encoder_fingerprint:
        raise InputError(
            f"The classifier in {folder} was fitted on embeddings of the encoder "
            f"{metadata['encoder_fingerprint'][:16]}…, these are of {encoder_fingerprint[:16]}…; fit it "
            "again: ticketkin relations RUN"
        )
    return str(metadata["model"])


def load_classifier(folder: Path, encoder_fingerprint: str) -> RelationClassifier:
    """Return a saved classifier.

    Raises UnsafeArtifactError where the file names code that is not scikit-learn's, InputError as
    `saved_model`.
    """
    from skops.io import get_untrusted_types, load

    name = saved_model(folder, encoder_fingerprint)
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
