"""The stages from the export to pairs, declared."""

from ticketkin.runs.stages import Stage
from ticketkin.tickets.redaction import REDACTION_VERSION
from ticketkin.tickets.splitting import DEALING_VERSION
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.stages import data
from ticketkin.workflows.stages.inputs import (
    BASE,
    DATA,
    SOURCES,
    base_learned_file,
    links_file,
    reviewed_file,
    settings_of,
    source_files,
)
from ticketkin.workflows.stages.needs import embedding_needs


def import_stage() -> Stage[Job]:
    """Read, clean and redact the tickets."""
    return Stage(
        name="import",
        title="Read, clean and redact the tickets",
        command="ticketkin import SOURCE --out {folder}",
        inputs=(),
        outputs=(artifact.TICKETS, artifact.REJECTED, artifact.IMPORT_SUMMARY, artifact.GIVEN_PAIRS),
        reads=(*settings_of("tickets", "pairs.kin_from"), *SOURCES),
        versions=(REDACTION_VERSION,),
        run=data.run_import,
        external=source_files,
    )


def links_stage() -> Stage[Job]:
    """Collect the links people made."""
    return Stage(
        name="links",
        title="Collect the links people made",
        command="ticketkin links {folder}",
        inputs=(artifact.TICKETS, artifact.GIVEN_PAIRS),
        outputs=(artifact.LINKS, artifact.LINK_SUMMARY),
        reads=(
            *settings_of("links", "pairs.labels_from", "split.near_identical", "tickets", "seed"),
            "pairs_file",
            "links_file",
            "reviewed_file",
        ),
        run=data.run_links,
        external=lambda job: (*links_file(job), *reviewed_file(job)),
    )


def split_stage() -> Stage[Job]:
    """Split by kin group and template."""
    return Stage(
        name="split",
        title="Split by kin group and template",
        command="ticketkin split {folder}",
        inputs=(artifact.TICKETS, artifact.LINKS, artifact.GIVEN_PAIRS),
        outputs=(artifact.SPLITS, artifact.BASE_LEARNED),
        reads=settings_of("split", "tickets", "encoder.base_model", "seed"),
        versions=(DEALING_VERSION,),
        run=data.run_split,
        external=base_learned_file,
    )


def embed_stage() -> Stage[Job]:
    """Encode with the untouched model."""
    return Stage(
        name="embed",
        title="Encode with the untouched model",
        command="ticketkin embed {folder}",
        inputs=(artifact.TICKETS,),
        # An export is calibrated and judged on splits and links before it stands in for torch.
        more_inputs=lambda job: () if job.settings.encoder.runtime == "torch" else DATA,
        outputs=(*BASE, artifact.PROFILE),
        reads=settings_of("encoder", "tickets"),
        run=data.run_embed,
        needs=embedding_needs,
    )


def pairs_stage() -> Stage[Job]:
    """Build training and test pairs."""
    return Stage(
        name="pairs",
        title="Build training and test pairs",
        command="ticketkin pairs {folder}",
        inputs=(*DATA, artifact.GIVEN_PAIRS, artifact.BASE_EMBEDDINGS),
        outputs=(artifact.PAIRS, artifact.FOLD_PAIRS, artifact.PAIR_ACCOUNT),
        reads=(
            *settings_of("pairs", "evaluation", "tickets", "seed"),
            "pairs_file",
            "reviewed_file",
            "evaluation_by",
        ),
        run=data.run_pairs,
        external=reviewed_file,
    )
