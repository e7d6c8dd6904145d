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
from ticketkin.core.errors import InputError, UnreadableFileError
from ticketkin.core.records import read_record
from ticketkin.relations.bands import Bands
from ticketkin.relations.causes import CauseCalibration
from ticketkin.relations.classifier import RelationClassifier
from ticketkin.relations.cross_kinds import CROSS_ENCODER
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.pair_state import REMEDY
from ticketkin.relations.predictors import PREDICTORS, AffineMap
from ticketkin.relations.settings import RelationModel

_ARRAYS = "classifier.safetensors"
_DESCRIPTION = "classifier.json"
_SCHEMA_VERSION = "3"


@dataclass(frozen=True)
class FittedOn:
    """Fingerprints of what a relation model was fitted on."""

    encoder: str
    """Of the untouched encoder, whose embeddings of texts the model reads."""
    state: str
    """Of the pair state."""
    tickets: str
    """Of the tickets of its run. A model may serve others, but a run serves its own model alone."""

    def require(self, folder: Path, *, encoder: str, tickets: str | None = None) -> None:
        """Raise InputError, with both fingerprints, where the model of `folder` is served with others."""
        for what, fitted, served in (
            ("embeddings of the encoder", self.encoder, encoder),
            ("the tickets", self.tickets, tickets),
        ):
            if served is not None and fitted != served:
                raise InputError(
                    f"The relation model in {folder} was fitted on {what} {fitted[:16]}…, these are "
                    f"{served[:16]}…: it belongs to another run. {REMEDY}"
                )


@dataclass(frozen=True)
class SavedKinds:
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
    causes: CauseCalibration | None = None
    """Of the cross-encoder of causes; None where none has a say."""


def save_kinds(
    folder: Path,
    model: RelationModel,
    fitted_on: FittedOn,
    bands: Bands,
    classifier: RelationClassifier | None = None,
    causes: CauseCalibration | None = None,
) -> None:
    """Write what a model of kinds must be served with, and its classifier where it is one over features."""
    family, columns, classes = "", list[str](), list[int]()
    if classifier is not None:
        family, columns = classifier.predictor.family, classifier.columns
        classes = classifier.classes.tolist()
        arrays = {f"scaling_{name}": array for name, array in vars(classifier.scaling).items()}
        save_arrays(folder / _ARRAYS, arrays | classifier.predictor.arrays())
    saved = SavedKinds(
        _SCHEMA_VERSION, model, family, columns, classes, list(KINDS), fitted_on, bands, causes
    )
    write_json(folder / _DESCRIPTION, asdict(saved))


def read_kinds(folder: Path) -> SavedKinds:
    """Return what the model of kinds in `folder` must be served with.

    Raises UnreadableFileError where that is missing, damaged or of another version.
    """
    saved = read_record(folder / _DESCRIPTION, SavedKinds, REMEDY)
    if saved.schema_version != _SCHEMA_VERSION or saved.kinds != list(KINDS):
        raise UnreadableFileError(f"The relation model in {folder} is of another version. {REMEDY}")
    return saved


def load_classifier(folder: Path) -> RelationClassifier:
    """Return a saved classifier. Raises as `read_kinds`, also where there is none."""
    saved = read_kinds(folder)
    predictor, classes = PREDICTORS.get(saved.family), saved.classes
    is_whole = classes and classes == sorted(set(classes)) and saved.columns
    if predictor is None or saved.model == CROSS_ENCODER or not is_whole:
        raise UnreadableFileError(f"{folder / _DESCRIPTION} describes no classifier. {REMEDY}")
    arrays = load_arrays(folder / _ARRAYS, REMEDY)
    matrix = arrays.get("scaling_matrix", np.float64, (len(saved.columns), None))
    n_scaled = matrix.shape[1]
    return RelationClassifier(
        saved.model,
        saved.columns,
        np.array(classes, dtype=np.int64),
        AffineMap(matrix, arrays.get("scaling_offset", np.float64, (n_scaled,))),
        predictor.from_arrays(arrays, n_scaled, len(classes)),
    )
