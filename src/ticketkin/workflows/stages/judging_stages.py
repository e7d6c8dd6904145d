"""The stages that judge, and those that follow the verdict, declared."""

from ticketkin.runs.stages import Stage
from ticketkin.tickets.redaction import REDACTION_VERSION
from ticketkin.training.candidates import trained_candidates
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows import bundling, families, relating, reviewing
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.stages import judging
from ticketkin.workflows.stages.inputs import (
    BASE,
    BY_FOLDS,
    DATA,
    JUDGED,
    SOURCES,
    ranked_by,
    reviewed_file,
    settings_of,
    trained_outputs,
    tuned_sections,
)
from ticketkin.workflows.stages.needs import kinds_needs


def provisional_stage() -> Stage[Job]:
    """Compare the quick candidates."""
    return Stage(
        name="provisional",
        title="Compare the quick candidates",
        command="ticketkin evaluate {folder} --provisional",
        inputs=(*JUDGED, *trained_outputs(with_slow=False)),
        outputs=(artifact.PROVISIONAL,),
        reads=BY_FOLDS,
        run=judging.run_provisional,
    )


def verdict_stage() -> Stage[Job]:
    """Evaluate all candidates and decide."""
    return Stage(
        name="verdict",
        title="Evaluate all candidates and decide",
        command="ticketkin evaluate {folder}",
        inputs=(
            *JUDGED,
            *trained_outputs(with_slow=True),
            artifact.PROFILE,
            artifact.IMPORT_SUMMARY,
            artifact.LINK_SUMMARY,
        ),
        outputs=(artifact.VERDICT_JSON, artifact.MATERIAL, artifact.MODEL, artifact.RANKING),
        scratch=(artifact.TUNED_FOLDS,),
        reads=(
            *BY_FOLDS,
            *settings_of("encoder", "split", "adapted", "readiness", "reranker", *tuned_sections()),
            *SOURCES,
            "links_file",
            "synthetic",
        ),
        run=judging.run_verdict,
    )


def to_review_stage() -> Stage[Job]:
    """Choose the pairs to be judged first."""
    return Stage(
        name="to_review",
        title="Choose the pairs to be judged first",
        command="ticketkin pairs review {folder}",
        inputs=(*DATA, *ranked_by(), artifact.VERDICT_JSON),
        outputs=(artifact.TO_REVIEW, artifact.TO_REVIEW_SUMMARY),
        reads=(
            *settings_of("review", "candidates", "tickets", "split.near_identical", "seed"),
            "reviewed_file",
        ),
        run=reviewing.run_to_review,
        wanted=lambda job: job.settings.review.pairs > 0,
        external=reviewed_file,
    )


def relations_stage() -> Stage[Job]:
    """Learn which kind of kin a pair is."""
    return Stage(
        name="relations",
        title="Learn which kind of kin a pair is",
        command="ticketkin relations {folder}",
        inputs=(*JUDGED, *ranked_by()),
        outputs=(artifact.RELATIONS,),
        reads=(
            *settings_of("relations", "candidates", "evaluation", "tickets", "encoder", "seed"),
            "evaluation_by",
            "reviewed_file",
        ),
        scratch=(artifact.CROSS_ENCODER_WORK,),
        run=relating.run_relations,
        needs=kinds_needs,
        external=reviewed_file,
    )


def families_stage() -> Stage[Job]:
    """Join all kin into families."""
    return Stage(
        name="families",
        title="Join all kin into families",
        command="ticketkin families {folder}",
        inputs=(artifact.TICKETS, artifact.LINKS, artifact.RELATIONS),
        more_inputs=lambda job: (artifact.BASE_ENCODER, *ranked_by()) if job.settings.families.said else (),
        outputs=(artifact.FAMILIES,),
        reads=(
            *settings_of("families", "relations", "candidates", "tickets", "encoder", "seed"),
            "reviewed_file",
        ),
        run=families.run_families,
        external=reviewed_file,
    )


def report_stage() -> Stage[Job]:
    """Write the report."""
    return Stage(
        name="report",
        title="Write the report",
        command="ticketkin report {folder}",
        inputs=(
            artifact.VERDICT_JSON,
            artifact.MATERIAL,
            artifact.TO_REVIEW_SUMMARY,
            artifact.RELATIONS,
            artifact.FAMILIES,
        ),
        outputs=(artifact.REPORT_JSON, artifact.REPORT_HTML, artifact.FIGURES, artifact.PAGE_FIGURES),
        reads=settings_of("review", "readiness"),
        run=judging.run_report,
    )


def bundle_stage() -> Stage[Job]:
    """Make the bundle that answers for new tickets."""
    return Stage(
        name="bundle",
        title="Make the bundle that answers for new tickets",
        command="ticketkin run --resume --out {folder}",
        inputs=(
            *DATA,
            *BASE,
            *ranked_by(),
            *(artifact.trained(one.name) for one in trained_candidates()),
            artifact.IMPORT_SUMMARY,
            artifact.REPORT_JSON,
            artifact.PAGE_FIGURES,
            artifact.MATERIAL,
            artifact.RELATIONS,
            artifact.FAMILIES,
        ),
        outputs=(artifact.BUNDLE,),
        reads=settings_of(
            "candidates", "tickets", "encoder", "split", "relations", "reranker.n_read", "seed"
        ),
        versions=(REDACTION_VERSION,),
        run=bundling.run_bundle,
    )
