"""What lies in a run folder, read once and typed."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from ticketkin.core.arrays import load_array, save_array
from ticketkin.core.artifacts import atomic_path
from ticketkin.core.tables import FloatArray, IntArray, Links, Pairs, SplitName, Splits, Tickets, Visibility
from ticketkin.evaluation.retrieval import queries_with_kin
from ticketkin.pipeline.configuration import Job
from ticketkin.relations.pairs import NONE, NOTHING_TOLD
from ticketkin.relations.reviewed import read_reviewed
from ticketkin.tickets.composing import compose_texts
from ticketkin.tickets.kin import KinGroups, kin_groups

# Names of artifacts, relative to the run folder.
TICKETS = "tickets.parquet"
REJECTED = "rejected.csv"
IMPORT_SUMMARY = "import.json"
LINKS = "links.parquet"
LINK_SUMMARY = "links.json"
SPLITS = "splits.parquet"
PAIRS = "pairs.parquet"
GIVEN_PAIRS = "given_pairs.parquet"
PROFILE = "profile.json"
BASE_ENCODER = "embeddings/base.json"
BASE_EMBEDDINGS = "embeddings/base.npy"
TITLE_EMBEDDINGS = "embeddings/title.npy"
ADAPTED = "candidates/adapted"
HEAD = "candidates/head"
LORA = "candidates/lora"
FULL = "candidates/full"
ADAPTED_EMBEDDINGS = "embeddings/adapted.npy"
HEAD_EMBEDDINGS = "embeddings/head.npy"
HEAD_OUT_OF_FOLD = "embeddings/head_out_of_fold.npy"
LORA_EMBEDDINGS = "embeddings/lora.npy"
FULL_EMBEDDINGS = "embeddings/full.npy"
# Tuned encoders: the folder of the plain model, and the embeddings that are judged.
TUNED = {
    "adapted": (f"{ADAPTED}/model", ADAPTED_EMBEDDINGS),
    "head": (HEAD, HEAD_EMBEDDINGS),
    "lora": (f"{LORA}/model", LORA_EMBEDDINGS),
    "full": (f"{FULL}/model", FULL_EMBEDDINGS),
}
# Those that the provisional table does not wait for.
SLOW = ("lora", "full")
PROVISIONAL = "provisional.json"
MODEL = "model"
RANKING = "ranking"
RELATIONS = "relations"
RELATIONS_JSON = f"{RELATIONS}/relations.json"
FAMILIES = "families"
FAMILIES_JSON = f"{FAMILIES}/families.json"
REPORT_JSON = "report.json"
MATERIAL = "report_material.json"
REPORT_HTML = "report.html"
FIGURES = "figures"
MANIFEST = "manifest.json"
# Folders of commands that work on a run: none of its stages writes there.
REPEATS = "repeats"
TUNING = "tuning"


@dataclass(frozen=True)
class RunData:
    """Lazy view of a run folder; each property reads one artifact and keeps it."""

    folder: Path
    job: Job

    @cached_property
    def tickets(self) -> Tickets:
        """The cleaned tickets."""
        return Tickets(read_parquet(self.folder / TICKETS))

    @cached_property
    def texts(self) -> list[str]:
        """The text a model reads for each ticket, composed by the job's template."""
        return compose_texts(self.tickets, self.job.settings.tickets.template)

    @cached_property
    def titles(self) -> list[str]:
        """The title of each ticket."""
        return self.tickets.frame["title"].to_list()

    @cached_property
    def links(self) -> Links:
        """Links between present tickets."""
        return Links(read_parquet(self.folder / LINKS))

    @cached_property
    def groups(self) -> KinGroups:
        """Kin groups: components of the duplicate links."""
        return kin_groups(self.tickets, self.links)

    @cached_property
    def splits(self) -> Splits:
        """The split of each ticket."""
        return Splits(read_parquet(self.folder / SPLITS))

    @cached_property
    def pairs(self) -> Pairs:
        """Labelled pairs of all splits."""
        return Pairs(read_parquet(self.folder / PAIRS))

    @cached_property
    def given_pairs(self) -> pl.DataFrame:
        """Pairs that came as files; no row where tickets came as an export."""
        return read_parquet(self.folder / GIVEN_PAIRS)

    @cached_property
    def told_kinds(self) -> pl.DataFrame:
        """Kinds of pairs that people told apart from links (`TOLD_SCHEMA`): in pair files and in a review."""
        kinds = (
            read_reviewed(self.job.reviewed_file, self.tickets) if self.job.reviewed_file else NOTHING_TOLD
        )
        given = self.given_pairs.filter((pl.col("kind") == NONE) & (pl.col("left") != pl.col("right")))
        stated = given.select(source="left", target="right", kind="kind", final=pl.lit(value=False))
        return pl.concat([stated, kinds])

    @property
    def visibility(self) -> Visibility:
        """Which tickets a query may see."""
        return self.tickets.visibility

    def queries(self, split: SplitName) -> IntArray:
        """Rows of the tickets of `split` that have visible kin."""
        return queries_with_kin(self.splits.rows(self.tickets, split), self.groups.group, self.visibility)

    def embeddings(self, name: str) -> FloatArray:
        """Read embeddings, shape (n_tickets, d), unit length.

        Raises UnreadableFileError where the file is damaged or is not of these tickets.
        """
        return self._array(name, (len(self.tickets), None))

    def fold_weights(self, name: str, dimension: int) -> FloatArray:
        """Read the weights of a head for each fold, shape (n_folds + 1, d, d). Raises as `embeddings`."""
        return self._array(name, (None, dimension, dimension))

    def _array(self, name: str, shape: tuple[int | None, ...]) -> FloatArray:
        remedy = f"Its stage writes it again: ticketkin run --resume --out {self.folder}"
        return load_array(self.folder / name, remedy, shape).astype(np.float32, copy=False)


def read_parquet(path: Path) -> pl.DataFrame:
    """Read a table. Opened here, so that no sign in the path is taken for a pattern or a home folder."""
    with path.open("rb") as stream:
        return pl.read_parquet(stream)


def save_embeddings(path: Path, embeddings: FloatArray) -> None:
    """Write embeddings atomically as a plain .npy file."""
    save_array(path, embeddings)


def save_parquet(path: Path, frame: pl.DataFrame) -> None:
    """Write a table atomically."""
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        frame.write_parquet(stream)


def save_csv(path: Path, frame: pl.DataFrame) -> None:
    """Write a table as CSV, atomically; a cell that a spreadsheet would run as a formula gets a quote first.

    See OWASP, "CSV Injection".
    """
    safe = frame.with_columns(pl.col(pl.String).str.replace(r"^([=+\-@\t\r])", "'$1"))
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        safe.write_csv(stream)
