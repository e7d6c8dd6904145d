"""Ticketkin finds the kin of a ticket: its duplicates, its relatives, its cause.

The whole job in three lines::

    from ticketkin import Job, load_settings, run_job
    job = Job(sources=(Path("incidents.csv").resolve(),), settings=load_settings())
    report = run_job(job, Path("runs/june"))

Everything is imported when first used, so that `import ticketkin` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ticketkin.core.errors import InputError, JobError, TicketkinError
    from ticketkin.evaluation.schema import Report
    from ticketkin.serving.answers import Answer, Relation
    from ticketkin.serving.kin import Kin
    from ticketkin.tickets.importing import import_tickets
    from ticketkin.tickets.sample import write_sample
    from ticketkin.workflows.configuration import Job, load_settings
    from ticketkin.workflows.job import list_stages, run_job, run_one_stage
    from ticketkin.workflows.relater import Relater
    from ticketkin.workflows.relation_jobs import build_run_families, learn_relations
    from ticketkin.workflows.settings import Settings

_HOME = {
    "Answer": "ticketkin.serving.answers",
    "InputError": "ticketkin.core.errors",
    "Job": "ticketkin.workflows.configuration",
    "JobError": "ticketkin.core.errors",
    "Kin": "ticketkin.serving.kin",
    "Relater": "ticketkin.workflows.relater",
    "Relation": "ticketkin.serving.answers",
    "Report": "ticketkin.evaluation.schema",
    "Settings": "ticketkin.workflows.settings",
    "TicketkinError": "ticketkin.core.errors",
    "build_run_families": "ticketkin.workflows.relation_jobs",
    "import_tickets": "ticketkin.tickets.importing",
    "learn_relations": "ticketkin.workflows.relation_jobs",
    "list_stages": "ticketkin.workflows.job",
    "load_settings": "ticketkin.workflows.configuration",
    "run_job": "ticketkin.workflows.job",
    "run_one_stage": "ticketkin.workflows.job",
    "write_sample": "ticketkin.tickets.sample",
}

__all__ = [
    "Answer",
    "InputError",
    "Job",
    "JobError",
    "Kin",
    "Relater",
    "Relation",
    "Report",
    "Settings",
    "TicketkinError",
    "build_run_families",
    "import_tickets",
    "learn_relations",
    "list_stages",
    "load_settings",
    "run_job",
    "run_one_stage",
    "write_sample",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ticketkin' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
