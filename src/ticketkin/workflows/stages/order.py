"""The stages of a run, in order; those that train follow from the registry of candidates."""

from collections.abc import Callable
from functools import cache, partial

from ticketkin.runs.stages import Stage
from ticketkin.training.candidates import CANDIDATES, Candidate, trained_candidates
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.stages import head, reranking, training
from ticketkin.workflows.stages.data_stages import (
    embed_stage,
    import_stage,
    links_stage,
    pairs_stage,
    split_stage,
)
from ticketkin.workflows.stages.inputs import BASE, DATA, LABELLED, outputs_of, settings_of
from ticketkin.workflows.stages.judging_stages import (
    bundle_stage,
    families_stage,
    provisional_stage,
    relations_stage,
    report_stage,
    to_review_stage,
    verdict_stage,
)
from ticketkin.workflows.stages.needs import embedding_needs, reranker_needs, tuning_needs

# Candidates whose training is not the tuning of an encoder on links.
_OWN_TRAINING = {
    "adapted": training.run_adapted,
    "head": head.run_head,
    "reranker": reranking.run_reranker,
}
# What tuning in folds reads beside the section of a candidate. Which other candidates a run has is none of
# it: one more must not cost the training of those that are there.
_TUNED_BY_FOLDS = (
    "pairs",
    "evaluation.folds",
    "evaluation.repeats",
    "evaluation.tuned_in_folds",
    "split.near_identical",
)
_OWN_NEEDS = {"reranker": reranker_needs}
_OWN_SETTINGS = {
    "head": settings_of("pairs", "evaluation.folds", "split.near_identical"),
    "reranker": settings_of("split.near_identical"),
}


def stages() -> tuple[Stage[Job], ...]:
    """Return the stages of a run, in order."""
    return _stages(tuple(CANDIDATES))


def stage_named(name: str) -> Stage[Job]:
    """Return the stage called `name`."""
    return next(stage for stage in stages() if stage.name == name)


@cache
def _stages(_registered: tuple[str, ...]) -> tuple[Stage[Job], ...]:
    trained = trained_candidates()
    return (
        import_stage(),
        links_stage(),
        split_stage(),
        embed_stage(),
        pairs_stage(),
        *(_training(candidate) for candidate in trained if not candidate.is_slow),
        provisional_stage(),
        *(_training(candidate) for candidate in trained if candidate.is_slow),
        verdict_stage(),
        to_review_stage(),
        relations_stage(),
        families_stage(),
        report_stage(),
        bundle_stage(),
    )


def _training(candidate: Candidate) -> Stage[Job]:
    """Return the stage that trains a candidate."""
    name = candidate.name
    on_links = name != "adapted"
    return Stage(
        name=name,
        title=candidate.title,
        command=f"ticketkin train {{folder}} {name}",
        inputs=(*DATA, *BASE, *((*LABELLED, *outputs_of("adapted")) if on_links else ())),
        outputs=outputs_of(name),
        reads=(
            *settings_of(candidate.section, *candidate.more_sections, "tickets", "encoder", "seed"),
            *(("start", "evaluation_by", "trains_as_given") if on_links else ()),
            *_OWN_SETTINGS.get(name, settings_of(*_TUNED_BY_FOLDS) if candidate.method else ()),
        ),
        scratch=(artifact.TUNED_FOLDS,) if candidate.method else (),
        run=_OWN_TRAINING.get(name) or partial(training.run_tuning, candidate),
        wanted=lambda job: name in job.settings.candidates,
        needs=_needs(candidate),
    )


def _needs(candidate: Candidate) -> Callable[[Job], None]:
    if candidate.method:
        return partial(tuning_needs, candidate)
    return _OWN_NEEDS.get(candidate.name, embedding_needs)
