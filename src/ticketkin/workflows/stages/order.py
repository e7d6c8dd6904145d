"""The stages of a run, in order; those that train follow from the registry of candidates."""

from functools import cache, partial
from pathlib import Path

from ticketkin.runs.artifacts import Place
from ticketkin.runs.stages import Stage
from ticketkin.tickets.redaction import REDACTION_VERSION
from ticketkin.training.candidates import CANDIDATES, Candidate, trained_candidates, trained_encoders
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows import bundling, families, relating, reviewing
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.stages import data, judging, reranking, training


def _sources(job: Job) -> tuple[Path, ...]:
    words = job.settings.tickets.redact_words
    return job.tickets_from if words is None else (*job.tickets_from, words)


def _links_file(job: Job) -> tuple[Path, ...]:
    return () if job.links_file is None else (job.links_file,)


def _reviewed_file(job: Job) -> tuple[Path, ...]:
    return () if job.reviewed_file is None else (job.reviewed_file,)


def _settings(*sections: str) -> tuple[str, ...]:
    """Return the parts of a job that hold these sections of its settings."""
    return tuple(f"settings.{section}" for section in sections)


_SOURCES = ("sources", "pairs_file", "test_pairs_file", "tickets_from")
_DATA = (artifact.TICKETS, artifact.LINKS, artifact.SPLITS)
_BASE = (artifact.BASE_ENCODER, artifact.BASE_EMBEDDINGS)
_LABELLED: tuple[Place, ...] = (artifact.PAIRS, artifact.PAIR_ACCOUNT)
_JUDGED = (*_DATA, *_BASE, artifact.TITLE_EMBEDDINGS, artifact.PAIRS)
# What judging reads, by folds too, which train the head anew in each.
_BY_FOLDS = (
    "evaluation_by",
    *_settings(
        "candidates",
        "evaluation",
        "fusion",
        "head",
        "pairs",
        "seed",
        "split.near_identical",
        "strength",
        "tickets",
    ),
)
# Candidates whose training is not the tuning of an encoder on links.
_OWN_TRAINING = {
    "adapted": training.run_adapted,
    "head": training.run_head,
    "reranker": reranking.run_reranker,
}
# What tuning in folds reads beside the section of a candidate.
_TUNED_BY_FOLDS = (
    "pairs",
    "candidates",
    "evaluation.folds",
    "evaluation.repeats",
    "evaluation.tuned_in_folds",
    "split.near_identical",
)
_OWN_SETTINGS = {
    "head": _settings("pairs", "evaluation.folds", "split.near_identical"),
    "reranker": _settings("split.near_identical"),
}
_FURTHER_OUTPUTS: dict[str, tuple[Place, ...]] = {"head": (artifact.HEAD_OUT_OF_FOLD,)}


def stages() -> tuple[Stage[Job], ...]:
    """Return the stages of a run, in order."""
    return _stages(tuple(CANDIDATES))


def stage_named(name: str) -> Stage[Job]:
    """Return the stage called `name`."""
    return next(stage for stage in stages() if stage.name == name)


def _outputs(candidate: str) -> tuple[Place, ...]:
    further = _FURTHER_OUTPUTS.get(candidate, ())
    if CANDIDATES[candidate].role == "encoder":
        further = (artifact.embeddings_of(candidate), *further)
    return (artifact.trained(candidate), *further)


def _training(candidate: Candidate) -> Stage[Job]:
    """Return the stage that trains a candidate."""
    name = candidate.name
    on_links = name != "adapted"
    return Stage(
        name=name,
        title=candidate.title,
        command=f"ticketkin train {{folder}} {name}",
        inputs=(*_DATA, *_BASE, *((*_LABELLED, *_outputs("adapted")) if on_links else ())),
        outputs=_outputs(name),
        reads=(
            *_settings(candidate.section, *candidate.more_sections, "tickets", "encoder", "seed"),
            *(("start", "evaluation_by") if on_links else ()),
            *_OWN_SETTINGS.get(name, _settings(*_TUNED_BY_FOLDS) if candidate.method else ()),
        ),
        scratch=(artifact.TUNED_FOLDS,) if candidate.method else (),
        run=_OWN_TRAINING.get(name) or partial(training.run_tuning, candidate),
        wanted=lambda job: name in job.settings.candidates,
    )


def _tuned_sections() -> tuple[str, ...]:
    """Return the sections of what folds tune anew."""
    tuned = [one for one in trained_candidates() if one.method]
    return tuple(dict.fromkeys(name for one in tuned for name in (one.section, *one.more_sections)))


@cache
def _stages(_registered: tuple[str, ...]) -> tuple[Stage[Job], ...]:
    trained = trained_candidates()
    quick = [place for one in trained if not one.is_slow for place in _outputs(one.name)]
    tuned = [place for one in trained for place in _outputs(one.name)]
    # What the learned ranking, or the encoder that won, ranks by.
    ranked_by = (
        artifact.BASE_EMBEDDINGS,
        artifact.TITLE_EMBEDDINGS,
        artifact.HEAD_OUT_OF_FOLD,
        *(artifact.embeddings_of(one.name) for one in trained_encoders()),
        artifact.RANKING,
    )
    return (
        Stage(
            name="import",
            title="Read, clean and redact the tickets",
            command="ticketkin import SOURCE --out {folder}",
            inputs=(),
            outputs=(artifact.TICKETS, artifact.REJECTED, artifact.IMPORT_SUMMARY, artifact.GIVEN_PAIRS),
            reads=(*_settings("tickets", "pairs.kin_from"), *_SOURCES),
            versions=(REDACTION_VERSION,),
            run=data.run_import,
            external=_sources,
        ),
        Stage(
            name="links",
            title="Collect the links people made",
            command="ticketkin links {folder}",
            inputs=(artifact.TICKETS, artifact.GIVEN_PAIRS),
            outputs=(artifact.LINKS, artifact.LINK_SUMMARY),
            reads=(
                *_settings("links", "split.near_identical", "tickets", "seed"),
                "pairs_file",
                "links_file",
                "reviewed_file",
            ),
            run=data.run_links,
            external=lambda job: (*_links_file(job), *_reviewed_file(job)),
        ),
        Stage(
            name="split",
            title="Split by kin group and template",
            command="ticketkin split {folder}",
            inputs=(artifact.TICKETS, artifact.LINKS, artifact.GIVEN_PAIRS),
            outputs=(artifact.SPLITS,),
            reads=_settings("split", "tickets", "seed"),
            run=data.run_split,
        ),
        Stage(
            name="embed",
            title="Encode with the untouched model",
            command="ticketkin embed {folder}",
            inputs=(artifact.TICKETS,),
            # An export is calibrated and judged on splits and links before it stands in for torch.
            more_inputs=lambda job: () if job.settings.encoder.runtime == "torch" else _DATA,
            outputs=(*_BASE, artifact.TITLE_EMBEDDINGS, artifact.PROFILE),
            reads=_settings("encoder", "tickets"),
            run=data.run_embed,
        ),
        Stage(
            name="pairs",
            title="Build training and test pairs",
            command="ticketkin pairs {folder}",
            inputs=(*_DATA, artifact.GIVEN_PAIRS, artifact.BASE_EMBEDDINGS),
            outputs=(artifact.PAIRS, artifact.PAIR_ACCOUNT),
            reads=(*_settings("pairs", "evaluation", "tickets", "seed"), "pairs_file"),
            run=data.run_pairs,
        ),
        *(_training(candidate) for candidate in trained if not candidate.is_slow),
        Stage(
            name="provisional",
            title="Compare the quick candidates",
            command="ticketkin evaluate {folder} --provisional",
            inputs=(*_JUDGED, *quick),
            outputs=(artifact.PROVISIONAL,),
            reads=_BY_FOLDS,
            run=judging.run_provisional,
        ),
        *(_training(candidate) for candidate in trained if candidate.is_slow),
        Stage(
            name="verdict",
            title="Evaluate all candidates and decide",
            command="ticketkin evaluate {folder}",
            inputs=(
                *_JUDGED,
                *tuned,
                artifact.PROFILE,
                artifact.IMPORT_SUMMARY,
                artifact.LINK_SUMMARY,
                artifact.PAIR_ACCOUNT,
            ),
            outputs=(artifact.REPORT_JSON, artifact.MATERIAL, artifact.MODEL, artifact.RANKING),
            scratch=(artifact.TUNED_FOLDS,),
            reads=(
                *_BY_FOLDS,
                *_settings("encoder", "split", "adapted", "readiness", "reranker", *_tuned_sections()),
                *_SOURCES,
                "links_file",
                "synthetic",
            ),
            run=judging.run_verdict,
        ),
        Stage(
            name="to_review",
            title="Choose the pairs to be judged first",
            command="ticketkin run --resume --out {folder}",
            inputs=(*_DATA, *ranked_by, artifact.REPORT_JSON),
            outputs=(artifact.TO_REVIEW, artifact.TO_REVIEW_SUMMARY),
            reads=(
                *_settings("review", "candidates", "tickets", "split.near_identical", "seed"),
                "reviewed_file",
            ),
            run=reviewing.run_to_review,
            wanted=lambda job: job.settings.review.pairs > 0,
            external=_reviewed_file,
        ),
        Stage(
            name="relations",
            title="Learn which kind of kin a pair is",
            command="ticketkin relations {folder}",
            inputs=(*_JUDGED, artifact.GIVEN_PAIRS, *ranked_by),
            outputs=(artifact.RELATIONS,),
            reads=(
                *_settings("relations", "candidates", "evaluation", "tickets", "encoder", "seed"),
                "reviewed_file",
            ),
            scratch=(artifact.CROSS_ENCODER_WORK,),
            run=relating.run_relations,
            external=_reviewed_file,
        ),
        Stage(
            name="families",
            title="Join all kin into families",
            command="ticketkin families {folder}",
            inputs=(artifact.TICKETS, artifact.LINKS, artifact.RELATIONS),
            more_inputs=lambda job: (artifact.BASE_ENCODER, *ranked_by) if job.settings.families.said else (),
            outputs=(artifact.FAMILIES,),
            reads=_settings("families", "relations", "candidates", "tickets", "encoder", "seed"),
            run=families.run_families,
        ),
        Stage(
            name="report",
            title="Write the report",
            command="ticketkin report {folder}",
            inputs=(
                artifact.REPORT_JSON,
                artifact.MATERIAL,
                artifact.TO_REVIEW_SUMMARY,
                artifact.RELATIONS,
                artifact.FAMILIES,
            ),
            outputs=(artifact.REPORT_HTML, artifact.FIGURES),
            reads=_settings("review"),
            run=judging.run_report,
        ),
        Stage(
            name="bundle",
            title="Make the bundle that answers for new tickets",
            command="ticketkin run --resume --out {folder}",
            inputs=(
                *_DATA,
                *_BASE,
                *ranked_by,
                *(artifact.trained(one.name) for one in trained),
                artifact.IMPORT_SUMMARY,
                artifact.REPORT_JSON,
                artifact.MATERIAL,
                artifact.RELATIONS,
                artifact.FAMILIES,
            ),
            outputs=(artifact.BUNDLE,),
            reads=_settings(
                "candidates", "tickets", "encoder", "split", "relations", "reranker.n_read", "seed"
            ),
            versions=(REDACTION_VERSION,),
            run=bundling.run_bundle,
        ),
    )
