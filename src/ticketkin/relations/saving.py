"""A fitted classifier on disk: plain arrays, and a description of what it must be served with.

Neither file can name code: the arrays are numbers by name (safetensors), the description is JSON of known
types.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ticketkin.core.arrays import load_arrays, save_arrays
from ticketkin.core.artifacts import write_json
from ticketkin.core.config import RelationModel
from ticketkin.core.errors import InputError, UnreadableFileError
from ticketkin.core.records import read_record
from ticketkin.relations.bands import Bands
from ticketkin.relations.classifier import RelationClassifier
from ticketkin.relations.pairs import KINDS
from ticketkin.relations.predictors import PREDICTORS, AffineMap

_ARRAYS = "classifier.safetensors"
_DESCRIPTION = "classifier.json"
_SCHEMA_VERSION = "2"
_REMEDY = "Fit it again: ticketkin relations RUN"


@dataclass(frozen=True)
class FittedOn:
    """Fingerprints of what a relation model was fitted on and holds for alone."""

    encoder: str
    tickets: str


@dataclass(frozen=True)
class _Description:
    """What a relation model must be served with."""

    schema_version: str
    model: RelationModel
    family: str
    """Which predictor the arrays are of; empty where the model is no classifier over features."""
    columns: list[str]
    classes: list[Annotated[int, Field(ge=0, lt=len(KINDS))]]
    kinds: list[str]
    fitted_on: FittedOn
    bands: Bands


def save_classifier(classifier: RelationClassifier, folder: Path, fitted_on: FittedOn, bands: Bands) -> None:
    """Write a classifier into `folder`, with its bands and what it was fitted on."""
    arrays = {f"scaling_{name}": array for name, array in vars(classifier.scaling).items()}
    save_arrays(folder / _ARRAYS, arrays | classifier.predictor.arrays())
    _write(folder, _describe(classifier.name, fitted_on, bands, classifier))


def save_metadata(folder: Path, model: RelationModel, fitted_on: FittedOn, bands: Bands) -> None:
    """Write what a relation model that lies in files of its own must be served with: origin and bands."""
    _write(folder, _describe(model, fitted_on, bands))


def _describe(
    model: RelationModel, fitted_on: FittedOn, bands: Bands, classifier: RelationClassifier | None = None
) -> _Description:
    family, columns, classes = "", list[str](), list[int]()
    if classifier is not None:
        family, columns = classifier.predictor.family, classifier.columns
        classes = classifier.classes.tolist()
    return _Description(_SCHEMA_VERSION, model, family, columns, classes, list(KINDS), fitted_on, bands)


def _write(folder: Path, description: _Description) -> None:
    write_json(folder / _DESCRIPTION, asdict(description))


def _read(folder: Path) -> _Description:
    description = read_record(folder / _DESCRIPTION, _Description, _REMEDY)
    if description.schema_version != _SCHEMA_VERSION or description.kinds != list(KINDS):
        raise UnreadableFileError(f"The relation model in {folder} is of another version. {_REMEDY}")
    return description


def saved_model(folder: Path, served_with: FittedOn) -> RelationModel:
    """Return the name of the saved model.

    Raises InputError where it was fitted in a run with another encoder or other tickets, with both
    fingerprints, and UnreadableFileError where it is missing, damaged or of another version.
    """
    return _fitted_here(folder, served_with).model


def _fitted_here(folder: Path, served_with: FittedOn) -> _Description:
    description = _read(folder)
    fitted_on = description.fitted_on
    for what, fitted, served in (
        ("embeddings of the encoder", fitted_on.encoder, served_with.encoder),
        ("the tickets", fitted_on.tickets, served_with.tickets),
    ):
        if fitted != served:
            raise InputError(
                f"The relation model in {folder} was fitted on {what} {fitted[:16]}…, these are "
                f"{served[:16]}…: it belongs to another run. {_REMEDY}"
            )
    return description


def load_classifier(folder: Path, served_with: FittedOn) -> RelationClassifier:
    """Return a saved classifier. Raises as `saved_model`."""
    description = _fitted_here(folder, served_with)
    predictor, classes = PREDICTORS.get(description.family), description.classes
    if predictor is None or classes != sorted(set(classes)) or not classes or not description.columns:
        raise UnreadableFileError(f"{folder / _DESCRIPTION} describes no classifier. {_REMEDY}")
    arrays = load_arrays(folder / _ARRAYS, _REMEDY)
    matrix = arrays.get("scaling_matrix", np.float64, (len(description.columns), None))
    n_scaled = matrix.shape[1]
    return RelationClassifier(
        description.model,
        description.columns,
        np.array(classes, dtype=np.int64),
        AffineMap(matrix, arrays.get("scaling_offset", np.float64, (n_scaled,))),
        predictor.from_arrays(arrays, n_scaled, len(classes)),
    )


def load_bands(folder: Path) -> Bands:
    """Return the bands saved with a classifier. Raises UnreadableFileError as `saved_model`."""
    return _read(folder).bands
