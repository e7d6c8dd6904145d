"""Every file and folder of a run, with the type of what it holds."""

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import polars as pl
from pydantic import TypeAdapter

from ticketkin.core.artifacts import atomic_path, write_json
from ticketkin.core.tables import FloatArray, Links, Pairs, Splits, Tickets
from ticketkin.encoders.learned_tickets import LearnedByBase
from ticketkin.encoders.untouched import UntouchedEncoder
from ticketkin.evaluation.schema import ProvisionalReport, VerdictRecord, read_report
from ticketkin.pairs.account import PairAccount
from ticketkin.relations.families import FamiliesRecord
from ticketkin.relations.record import RELATION_RECORD
from ticketkin.reports.material import ReportMaterial
from ticketkin.reports.page_figures import PageFigures
from ticketkin.runs.artifacts import (
    Artifact,
    Folder,
    Place,
    array_artifact,
    record_artifact,
)
from ticketkin.tickets.account import ImportSummary
from ticketkin.tickets.profiling import FileProfile
from ticketkin.training.record import CandidateTraining, LeftOutCandidate, TrainingRecord
from ticketkin.workflows.link_summary import LinkSummary


def read_parquet(path: Path) -> pl.DataFrame:
    """Read a table. The file is opened here, so that polars expands no glob pattern and no `~`."""
    with path.open("rb") as stream:
        return pl.read_parquet(stream)


def save_parquet(path: Path, frame: pl.DataFrame) -> None:
    """Write a table atomically."""
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        frame.write_parquet(stream)


def _read_csv(path: Path) -> pl.DataFrame:
    with path.open("rb") as stream:
        return pl.read_csv(stream, infer_schema=False)


def save_csv(path: Path, frame: pl.DataFrame, *, for_spreadsheets: bool = False) -> None:
    """Write a table as CSV, atomically; a cell that a spreadsheet would run as a formula gets a quote first.

    See OWASP, "CSV Injection". A file `for_spreadsheets` begins with the mark by which they know UTF-8.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        without_formulas(frame).write_csv(stream, include_bom=for_spreadsheets)


def without_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the table with a quote before every text that a spreadsheet would read as a formula."""
    return frame.with_columns(pl.col(pl.String).str.replace(r"^([=+\-@\t\r])", "'$1"))


@dataclass(frozen=True)
class ToReviewSummary:
    """Pairs that wait for a person's judgement, and how many of them for each reason; to_review.json."""

    n_pairs: int
    why: dict[str, int]


TICKETS = Artifact(
    "tickets.parquet", lambda p: Tickets(read_parquet(p)), lambda p, v: save_parquet(p, v.frame)
)
REJECTED = Artifact("rejected.csv", _read_csv, save_csv)
IMPORT_SUMMARY = record_artifact("import.json", ImportSummary)
LINKS = Artifact("links.parquet", lambda p: Links(read_parquet(p)), lambda p, v: save_parquet(p, v.frame))
LINK_SUMMARY = record_artifact("links.json", LinkSummary)
SPLITS = Artifact("splits.parquet", lambda p: Splits(read_parquet(p)), lambda p, v: save_parquet(p, v.frame))
BASE_LEARNED = record_artifact("base_learned.json", LearnedByBase)
PAIRS = Artifact("pairs.parquet", lambda p: Pairs(read_parquet(p)), lambda p, v: save_parquet(p, v.frame))
FOLD_PAIRS = Artifact("fold_pairs.parquet", read_parquet, save_parquet)
PAIR_ACCOUNT = record_artifact("pairs.json", PairAccount)
GIVEN_PAIRS = Artifact("given_pairs.parquet", read_parquet, save_parquet)
PROFILE = record_artifact("profile.json", FileProfile)
BASE_ENCODER = record_artifact("embeddings/base.json", UntouchedEncoder)
BASE_EMBEDDINGS = array_artifact("embeddings/base.npy", 2)
ADAPTED = Folder("candidates/adapted")
HEAD = Folder("candidates/head")
LORA = Folder("candidates/lora")
HEAD_OUT_OF_FOLD = array_artifact("embeddings/head_out_of_fold.npy", 3)
CROSS_ENCODER_WORK = Folder("candidates/cross_encoder")
TUNED_FOLDS = Folder("candidates/folds")
PROVISIONAL = record_artifact("provisional.json", ProvisionalReport)
MODEL = Folder("model")
RANKING = Folder("ranking")
TO_REVIEW = Artifact("to_review.csv", _read_csv, partial(save_csv, for_spreadsheets=True))
TO_REVIEW_SUMMARY = record_artifact("to_review.json", ToReviewSummary)
REVIEWED = Artifact("reviewed.csv", _read_csv, save_csv)
"""Answers that a run took over from files which runs write anew; no stage writes it."""
RELATIONS = Folder("relations")
CROSS_ENCODER_RECORD = record_artifact(f"{RELATIONS}/cross_encoder/training_metadata.json", TrainingRecord)
CAUSE_ENCODER_RECORD = record_artifact(f"{RELATIONS}/cause_encoder/training_metadata.json", TrainingRecord)
RELATIONS_JSON = record_artifact(f"{RELATIONS}/relations.json", RELATION_RECORD)
FAMILIES = Folder("families")
FAMILIES_JSON = record_artifact(f"{FAMILIES}/families.json", FamiliesRecord)
VERDICT_JSON = record_artifact("verdict.json", VerdictRecord)
REPORT_JSON = Artifact("report.json", read_report, lambda p, v: write_json(p, v.model_dump(mode="json")))
MATERIAL = record_artifact("report_material.json", ReportMaterial)
REPORT_HTML = Place("report.html")
BUNDLE = Folder("bundle")
FIGURES = Folder("figures")
PAGE_FIGURES = record_artifact("report_figures.json", PageFigures)
MANIFEST = Place("manifest.json")
# Folders of commands that work on a run: none of its stages writes there.
REPEATS = Folder("repeats")
TUNING = Folder("tuning")


def trained(candidate: str) -> Folder:
    """Return the output folder of a candidate's training."""
    return Folder(f"candidates/{candidate}")


_TRAINED_OR_LEFT_OUT: TypeAdapter[CandidateTraining | LeftOutCandidate] = TypeAdapter(
    CandidateTraining | LeftOutCandidate
)


def training_record(candidate: str) -> Artifact[CandidateTraining | LeftOutCandidate]:
    """Return the training record of a candidate, or the record of why it was left out."""
    return record_artifact(f"{trained(candidate)}/training_metadata.json", _TRAINED_OR_LEFT_OUT)


def model_of(candidate: str) -> Folder:
    """Return the folder of a tuned encoder as a plain model."""
    return HEAD if candidate == "head" else Folder(f"{trained(candidate)}/model")


@cache
def embeddings_of(encoder: str) -> Artifact[FloatArray]:
    """Return the embeddings of all tickets by an encoder, the untouched one or a tuned one."""
    return BASE_EMBEDDINGS if encoder == "base" else array_artifact(f"embeddings/{encoder}.npy", 2)
