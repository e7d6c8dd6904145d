"""The values of a run folder for its readers: typed, each value read or derived once."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from ticketkin.core.arrays import check_shape
from ticketkin.core.tables import (
    BoolArray,
    FloatArray,
    IntArray,
    Links,
    Pairs,
    SplitName,
    Splits,
    Tickets,
    Visibility,
)
from ticketkin.encoders.learned_tickets import LearnedByBase
from ticketkin.evaluation.power import FEWEST_KIN_GROUPS
from ticketkin.evaluation.retrieval import queries_with_kin
from ticketkin.pairs.account import PairAccount
from ticketkin.relations.kinds import NONE
from ticketkin.runs.artifacts import Artifact, remaking
from ticketkin.runs.values import RunValues
from ticketkin.tickets.composing import compose_texts
from ticketkin.tickets.folds import independent_units
from ticketkin.tickets.kin import KinGroups, kin_groups
from ticketkin.tickets.reviewed import NOTHING_REVIEWED, Review, read_reviewed
from ticketkin.tickets.templates import Signatures, signatures_of, template_groups_of
from ticketkin.training.candidates import CANDIDATES, trained_candidates
from ticketkin.training.record import CandidateTraining, LeftOutCandidate
from ticketkin.training.rivals import EvaluationQueries, PairRows, RivalSample
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job


@dataclass(frozen=True)
class RunData:
    """Lazy view of a run's values."""

    values: RunValues
    job: Job

    @classmethod
    def of(cls, folder: Path, job: Job) -> "RunData":
        """Return the view of a whole run folder."""
        return cls(RunValues(folder), job)

    @property
    def tickets(self) -> Tickets:
        """The cleaned tickets."""
        return self.values.read(artifact.TICKETS)

    @property
    def texts(self) -> list[str]:
        """The text a model reads for each ticket, composed by the job's template."""
        template = self.job.settings.tickets.template
        return self.values.derive(
            ("texts", template), (artifact.TICKETS,), lambda: compose_texts(self.tickets, template)
        )

    @property
    def titles(self) -> list[str]:
        """The title of each ticket."""
        return self.values.derive("titles", (artifact.TICKETS,), self.tickets.frame["title"].to_list)

    @property
    def links(self) -> Links:
        """Links between present tickets."""
        return self.values.read(artifact.LINKS)

    @property
    def groups(self) -> KinGroups:
        """Kin groups: components of the duplicate links."""
        sources = (artifact.TICKETS, artifact.LINKS)
        return self.values.derive("groups", sources, lambda: kin_groups(self.tickets, self.links))

    @property
    def splits(self) -> Splits:
        """The split of each ticket."""
        return self.values.read(artifact.SPLITS)

    @property
    def base_learned(self) -> LearnedByBase:
        """What the base has learned from among these tickets."""
        return self.values.read(artifact.BASE_LEARNED)

    @property
    def may_judge(self) -> BoolArray:
        """Which tickets the base has learned nothing from, nor from their kin, shape (n_tickets,)."""
        return ~np.isin(np.array(self.tickets.ids, dtype=object), list(self.base_learned.ticket_ids))

    @property
    def pairs(self) -> Pairs:
        """Labelled pairs of all splits."""
        return self.values.read(artifact.PAIRS)

    @property
    def pair_account(self) -> PairAccount:
        """Where the labelled pairs come from."""
        return self.values.read(artifact.PAIR_ACCOUNT)

    @property
    def given_pairs(self) -> pl.DataFrame:
        """Pairs that came as files; no row where tickets came as an export."""
        return self.values.read(artifact.GIVEN_PAIRS)

    def training_record(self, candidate: str) -> CandidateTraining | None:
        """Return what the training of a candidate recorded, None where it was not trained."""
        if not CANDIDATES[candidate].is_trained or candidate not in self.job.settings.candidates:
            return None
        record = self.values.read(artifact.training_record(candidate))
        return None if isinstance(record, LeftOutCandidate) else record

    def left_out(self) -> list[LeftOutCandidate]:
        """Return the candidates that the job asks for and that do not take part, each with its reason."""
        wanted = [one for one in trained_candidates() if one.name in self.job.settings.candidates]
        records = [self.values.read(artifact.training_record(one.name)) for one in wanted]
        return [record for record in records if isinstance(record, LeftOutCandidate)]

    @cached_property
    def review(self) -> Review:
        """What a person said of pairs; nothing where the job names no file. Raises as `read_reviewed`."""
        path = self.job.reviewed_file
        return NOTHING_REVIEWED if path is None else read_reviewed(path, self.tickets)

    @cached_property
    def judged_kinds(self) -> dict[frozenset[str], str]:
        """What a review said of each pair of tickets, by their ids."""
        rows = self.review.answers.select("source", "target", "kind").iter_rows()
        return {frozenset((source, target)): kind for source, target, kind in rows}

    @cached_property
    def stated_kinds(self) -> pl.DataFrame:
        """Kinds of pairs that people stated apart from links (`STATED_SCHEMA`): in files and in a review."""
        given = self.given_pairs.filter((pl.col("kind") == NONE) & (pl.col("left") != pl.col("right")))
        stated = given.select(source="left", target="right", kind="kind", final=pl.lit(value=False))
        return pl.concat([stated, self.review.answers.with_columns(final=pl.lit(value=True))])

    @property
    def visibility(self) -> Visibility:
        """Which tickets a query may see."""
        return self.values.derive("visibility", (artifact.TICKETS,), lambda: self.tickets.visibility)

    @property
    def is_judged_in_folds(self) -> bool:
        """Whether all links judge, by folds; otherwise those of one split do."""
        if self.job.evaluation_by != "auto":
            return self.job.evaluation_by == "folds"
        if self.links.labels_from == "silver":  # nothing is proven by either
            return False
        n_kin_groups = len(np.unique(self.groups.group[self.queries(SplitName.EVALUATION)]))
        return n_kin_groups < FEWEST_KIN_GROUPS

    @property
    def units(self) -> IntArray:
        """Unit of each ticket, shape (n_tickets,): kin groups joined by near-identical templates."""
        return self.units_of(self.groups.group)

    def units_of(self, groups: IntArray) -> IntArray:
        """Return the unit of each ticket for given kin groups, shape (n_tickets,)."""
        return independent_units([groups, self.templates])

    @property
    def templates(self) -> IntArray:
        """Number of each ticket's template, shape (n_tickets,): texts of one are near-identical."""
        near = self.job.settings.split.near_identical
        return self.values.derive(
            ("templates", near), (artifact.TICKETS,), lambda: template_groups_of(self.signatures, near)
        )

    @property
    def signatures(self) -> Signatures:
        """Signature of each ticket's text: equal in most places where two were written by one template."""
        key = ("signatures", self.job.settings.tickets.template)
        return self.values.derive(key, (artifact.TICKETS,), lambda: signatures_of(self.texts))

    def queries(self, split: SplitName) -> IntArray:
        """Rows of the tickets of `split` that have visible kin."""
        return queries_with_kin(self.splits.rows(self.tickets, split), self.groups.group, self.visibility)

    def evaluation_queries(self) -> EvaluationQueries:
        """Return the queries that strengths and epochs of a training are chosen by."""
        return EvaluationQueries(self.queries(SplitName.EVALUATION), self.groups.group, self.visibility)

    def rival_sample(self, start: FloatArray, pairs: PairRows | None = None) -> RivalSample:
        """Return the tickets, and `pairs` of them, on which a training that begins at `start` is judged."""
        rows = self.splits.rows(self.tickets, SplitName.EVALUATION)
        return RivalSample.of(self.evaluation_queries(), rows, self.texts, start, pairs)

    def pairs_of(self, split: SplitName) -> PairRows:
        """Return the labelled pairs of the tickets of a split."""
        return self._with_grades(self.rows_of(self.pairs.of(split).frame))

    @property
    def fold_pairs(self) -> pl.DataFrame:
        """The pairs that folds judge by, as `FOLD_PAIRS_SCHEMA`; no row where a split judges."""
        return self.values.read(artifact.FOLD_PAIRS)

    def judging_pairs(self) -> PairRows:
        """Return the labelled pairs that candidates are judged by: of a split, or all where folds judge."""
        if not self.is_judged_in_folds:
            return self.pairs_of(SplitName.EVALUATION)
        return self._with_grades(self.rows_of(self.fold_pairs))

    def rows_of(self, frame: pl.DataFrame) -> PairRows:
        """Return labelled pairs of ticket ids as ticket rows."""
        at = self.tickets.position
        left, right = (
            np.array([at[one] for one in frame[side]], dtype=np.int64) for side in ("left", "right")
        )
        return PairRows(left, right, frame["label"].cast(pl.Int64).to_numpy())

    def _with_grades(self, pairs: PairRows) -> PairRows:
        """Return pairs with the grades that their file gives, where it gives any of these."""
        if "grade" not in self.given_pairs.columns:  # of a run of an earlier version
            return pairs
        of_file = self.given_pairs.drop_nulls("grade").select("left", "right", "grade").iter_rows()
        grade_of = {frozenset((left, right)): grade for left, right, grade in of_file}
        ids = self.tickets.ids
        grades = np.array(
            [
                grade_of.get(frozenset((ids[left], ids[right])), np.nan)
                for left, right in zip(pairs.left, pairs.right, strict=True)
            ],
            dtype=np.float32,
        )
        return pairs if np.isnan(grades).all() else replace(pairs, grades=grades)

    def embeddings(self, stored: Artifact[FloatArray]) -> FloatArray:
        """Return embeddings, shape (n_tickets, d), unit length.

        Raises UnreadableFileError where the file is damaged or is not of these tickets.
        """
        return self._of_shape(stored, (len(self.tickets), None))

    def fold_weights(self, stored: Artifact[FloatArray], dimension: int) -> FloatArray:
        """Return the weights of a head for each fold, shape (n_folds + 1, d, d). Raises as `embeddings`."""
        return self._of_shape(stored, (None, dimension, dimension))

    def _of_shape(self, stored: Artifact[FloatArray], shape: tuple[int | None, ...]) -> FloatArray:
        array = self.values.read(stored)
        check_shape(
            self.values.path(stored), array, shape, remaking(self.values.path(artifact.TICKETS).parent)
        )
        return array
