"""Stages from the export to pairs: import, links, split, embed, pairs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import BoolArray, IntArray, Kind, Links, SplitName
from ticketkin.core.wording import number_of
from ticketkin.encoders.cache import EmbeddingCache, default_cache_folder
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.learned_tickets import (
    LearnedByBase,
    LearnedTickets,
    learned_folder,
    read_learned,
)
from ticketkin.encoders.loading import load_encoder
from ticketkin.encoders.untouched import UntouchedEncoder
from ticketkin.pairs.building import build_pairs
from ticketkin.pairs.drawing import PairInputs
from ticketkin.pairs.given import links_of_given, test_ids, with_given_holdout
from ticketkin.pairs.given_splits import given_by_split
from ticketkin.pairs.silver import silver_links
from ticketkin.runs.stages import StageRun
from ticketkin.tickets.kin import KinGroups, kin_groups
from ticketkin.tickets.link_files import links_from_file
from ticketkin.tickets.link_result import LinkResult, merge_links
from ticketkin.tickets.links import links_from_tickets
from ticketkin.tickets.profiling import FileProfile, profile_lines, profile_tickets
from ticketkin.tickets.redaction import Redactor
from ticketkin.tickets.review_links import contradictions, with_review
from ticketkin.tickets.reviewed import NONE
from ticketkin.tickets.splitting import FEWEST_GROUPS, split_tickets
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.importing import import_job
from ticketkin.workflows.link_checks import (
    check_column_links,
    check_link_file,
    check_pair_file,
    refuse_without_links,
)
from ticketkin.workflows.link_summary import LinkSummary, ReviewSummary
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.runtimes import encoder_of_run


def run_import(run: StageRun[Job]) -> None:
    """Read, clean and redact the sources into tickets.parquet."""
    result, given = import_job(run.job, run.progress)
    run.put(artifact.TICKETS, result.tickets)
    run.put(artifact.GIVEN_PAIRS, given)
    run.put(artifact.REJECTED, result.rejected)
    run.put(artifact.IMPORT_SUMMARY, result.summary)
    for line in result.summary.lines(str(run.place(artifact.REJECTED))):
        run.progress.say(f"  {line}")


def run_links(run: StageRun[Job]) -> None:
    """Collect people's links; where there are too few to judge by, make silver ones and say so."""
    data = RunData(run.values, run.job)
    settings = run.job.settings.links
    masking = run.job.settings.tickets
    redactor = Redactor.if_asked(masking)
    in_columns = links_from_tickets(data.tickets, settings, redactor)
    notes = check_column_links(in_columns.links, data.tickets, settings)
    read = [in_columns]
    nearness = None
    if run.job.pairs_file is not None:
        nearness = check_pair_file(run.job.pairs_file, data.given_pairs, data.tickets, settings)
        read.append(links_of_given(data.given_pairs, run.job.settings.pairs.labels_from))
    if run.job.links_file is not None:
        in_file = links_from_file(run.job.links_file, data.tickets, settings, redactor)
        nearness = check_link_file(run.job.links_file, in_file, data.tickets, settings)
        read.append(in_file)
        if not len(in_file.links) and not kin_groups(data.tickets, merge_links(read).links).has_kin.any():
            refuse_without_links(run.job.links_file, in_file)
    result = with_review(merge_links(read), data.review)
    for line in [*result.lines(), *notes]:
        run.progress.say(f"  {line}")
    if nearness is not None:
        run.progress.say(f"  links of the file: {nearness.in_brief}")
    links = result.links
    groups = kin_groups(data.tickets, links)
    by_rule = links.labels_from == "silver"  # the file says that its labels are silver: people linked none
    n_people_groups = 0 if by_rule else _n_units(data, groups)
    # A review that has just begun must not end in an error; whoever gives few links is told what it takes.
    fewest = 1 if run.job.reviewed_file is None else FEWEST_GROUPS
    if n_people_groups < fewest and not by_rule:
        links = _silver(run, data, result, n_people_groups)
        groups = kin_groups(data.tickets, links)
    run.put(artifact.LINKS, links)
    summary = LinkSummary.of(
        result,
        links,
        groups,
        n_people_kin_groups=n_people_groups,
        nearness=nearness,
        review=_reviewed(run, data, links, groups),
    )
    run.put(artifact.LINK_SUMMARY, summary)
    run.progress.say(
        f"  {number_of(len(links), 'link')} ({summary.labels_from}), "
        f"{number_of(summary.n_kin_groups, 'kin group')} over "
        f"{number_of(summary.n_tickets_with_kin, 'ticket')}{_left_out(result)}"
    )


def _n_units(data: RunData, groups: KinGroups) -> int:
    """Return how many independent parts the kin groups make: splits and folds take each as one."""
    return len(np.unique(data.units_of(groups.group)[groups.has_kin])) if groups.has_kin.any() else 0


def _reviewed(run: StageRun[Job], data: RunData, links: Links, groups: KinGroups) -> ReviewSummary:
    """Say how far the review is and what contradicts it; return that for links.json."""
    if run.job.reviewed_file is None:
        return ReviewSummary()
    review = data.review
    run.progress.say(f"  review: {review.line()}")
    summary = ReviewSummary.of(review, contradictions(review, links, groups, data.tickets.position))
    for contradiction in summary.contradictions:
        run.progress.say(f"  the review is contradicted: {contradiction}")
    return summary


def _left_out(result: LinkResult) -> str:
    """Return how many links were left out for their kinds, as the end of a sentence."""
    if not result.n_left_out_by_kind:
        return ""
    return (
        f"; {result.n_left_out_by_kind:,} of {number_of(result.n_read, 'link')} read are left out for "
        "their kinds"
    )


def _silver(run: StageRun[Job], data: RunData, result: LinkResult, n_groups: int) -> Links:
    """Return the links with silver ones beside them: people linked fewer groups than can be judged by."""
    settings = run.job.settings.links
    if settings.silver == "never":
        if n_groups:  # the splits report how many groups they need
            return result.links
        raise NotEnoughDataError(
            f"No duplicate link from people was found ({number_of(len(result.links), 'link')} of other "
            "kinds) and silver links are switched off; give --links FILE, or allow them with --set "
            "links.silver=auto"
        )
    others = int((result.links.frame["kind"] != Kind.DUPLICATE.value).sum())
    kept = f" ({number_of(others, 'link')} of other kinds kept)" if others else ""
    linked = f"only {number_of(n_groups, 'group')} of duplicates" if n_groups else "no duplicates"
    run.progress.say(
        f"  {linked} linked by people{kept}: making SILVER ones from word overlap; they are circular"
    )
    silver = silver_links(data.tickets, data.texts, settings, run.job.settings.seed).frame
    by_people = pl.concat(
        [result.links.frame.select("source", "target"), data.review.answers.select("source", "target")]
    )
    stated = {frozenset(ends) for ends in by_people.iter_rows()}
    is_new = pl.Series(
        [frozenset(ends) not in stated for ends in silver.select("source", "target").iter_rows()]
    )
    return Links(pl.concat([result.links.frame, silver.filter(is_new)]))  # what people say of a pair stands


def run_split(run: StageRun[Job]) -> None:
    """Give every ticket to train, evaluation or holdout."""
    data = RunData(run.values, run.job)
    settings = run.job.settings
    folder = learned_folder(settings.encoder.base_model)
    learned = None if folder is None else read_learned(folder)
    recognised = np.zeros(len(data.tickets), np.bool_) if learned is None else learned.among(data.tickets)
    splits = split_tickets(
        data.tickets, data.texts, data.groups, settings.split, settings.seed, run.progress, recognised
    )
    splits = with_given_holdout(splits, data.given_pairs)
    by_base = _learned_by_base(data, learned, recognised)
    fixed = test_ids(data.given_pairs)
    n_fixed = sum(data.tickets.ids[row] in fixed for row in np.flatnonzero(recognised).tolist())
    by_base = replace(by_base, n_fixed=n_fixed)
    if by_base.sentence:
        run.progress.say(f"  {by_base.sentence}")
    run.put(artifact.SPLITS, splits)
    run.put(artifact.BASE_LEARNED, by_base)
    counts = {name.value: splits.rows(data.tickets, name) for name in SplitName}
    run.progress.say(
        "  "
        + "; ".join(
            f"{name} {number_of(len(rows), 'ticket')} ({int(data.groups.has_kin[rows].sum()):,} with kin)"
            for name, rows in counts.items()
        )
    )


def _learned_by_base(data: RunData, learned: LearnedTickets | None, recognised: BoolArray) -> LearnedByBase:
    """Return what the base has learned from among the run's tickets, whole units of it."""
    if learned is None:
        return LearnedByBase()
    rows = np.flatnonzero(np.isin(data.units, data.units[recognised]))
    ids = data.tickets.ids
    return LearnedByBase(
        name=learned.name,
        n_learned=learned.n_tickets,
        n_recognised=int(recognised.sum()),
        ticket_ids=tuple(ids[row] for row in rows),
        n_kin_groups=len(np.unique(data.groups.group[rows][data.groups.has_kin[rows]])),
    )


def run_embed(run: StageRun[Job]) -> None:
    """Encode the texts with the untouched model; profile the file against its limit."""
    data = RunData(run.values, run.job)
    settings = run.job.settings.encoder
    encoder = load_encoder(settings)
    tuned = read_learned(Path(encoder.source))
    run.progress.say(
        f"  {encoder.name} on {encoder.device}; of a text it reads "
        f"{number_of(encoder.max_length_tokens, 'token')} "
        "(words, or pieces of them)"
    )
    lengths = encoder.token_lengths(data.texts)
    profile = profile_tickets(data.tickets, data.texts, lengths, encoder.max_length_tokens)
    for line in profile_lines(profile):
        run.progress.say(f"  {line}")
    cache = EmbeddingCache(default_cache_folder(), run.progress)
    model, choice = encoder_of_run(encoder, data, settings, run.progress)
    run.put(artifact.BASE_EMBEDDINGS, encode_texts(model, data.texts, cache, settings, run.progress))
    run.put(artifact.PROFILE, FileProfile(profile, np.asarray(lengths).tolist()))
    run.put(
        artifact.BASE_ENCODER,
        UntouchedEncoder(
            name=encoder.name,
            fingerprint=model.fingerprint,
            source_fingerprint=encoder.fingerprint,
            runtime=choice.record,
            max_length_tokens=encoder.max_length_tokens,
            device=encoder.device,
            packaged=encoder.packaged,
            template=run.job.settings.tickets.template,
            code=str(encoder.code or ""),
            tuned_as="" if tuned is None else tuned.name,
        ),
    )


def _judged_strangers(data: RunData) -> IntArray:
    """Return the rows of the pairs that a review calls no kin, shape (n, 2)."""
    at = data.tickets.position
    answers = data.review.answers.filter(pl.col("kind") == NONE).select("source", "target").iter_rows()
    rows = [(at[source], at[target]) for source, target in answers]
    return np.array(rows, dtype=np.int64).reshape(-1, 2)


def run_pairs(run: StageRun[Job]) -> None:
    """Build training pairs in three phases, and the fixed evaluation and holdout pairs."""
    data = RunData(run.values, run.job)
    settings = run.job.settings
    inputs = PairInputs(
        tickets=data.tickets,
        texts=data.texts,
        links=data.links,
        groups=data.groups,
        splits=data.splits,
        embeddings=data.embeddings(artifact.BASE_EMBEDDINGS),
        judged_strangers=_judged_strangers(data),
    )
    given, by_folds = None, data.is_judged_in_folds
    if run.job.pairs_file is not None:
        given = given_by_split(data.given_pairs, data.tickets, data.splits, by_folds=by_folds)
    built = build_pairs(
        inputs,
        settings.pairs,
        settings.evaluation.negatives_per_positive,
        settings.seed,
        run.progress,
        given,
        by_folds=by_folds,
    )
    run.put(artifact.PAIRS, built.pairs)
    run.put(artifact.FOLD_PAIRS, built.in_folds)
    run.put(artifact.PAIR_ACCOUNT, built.account)
    for line in built.account.lines():
        run.progress.say(f"  {line}")
    judging = {"to judge by, in folds:": built.account.of_split("folds")} if by_folds else {}
    counted = judging or {f"{split}:": built.account.of_split(split) for split in SplitName}
    shown = [f"{part} {counts.kin:,} kin and {counts.strangers:,} not" for part, counts in counted.items()]
    run.progress.say(f"  pairs {'; '.join(shown)}")
