"""Which models stand side by side, which of them answers, and which processes are ready for which.

The model that answers is the one of the last row of `model_switches`: a switch adds one row, and going back
adds another. If a process is killed before the row is written, the old model still answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import with_config

from ticketkin.store.database import Transaction

HEARD_SECONDS = 15
"""A process that has not been heard of for so long does not run any more."""

PREPARING = "being made ready"
"""What a process says of a model that it is about to be ready for."""


@dataclass(frozen=True)
class KnownModel:
    """A bundle that processes hold ready."""

    bundle: str
    """Its id."""
    folder: str
    """Where processes open it."""
    added_at: datetime


@with_config(use_attribute_docstrings=True)
@dataclass(frozen=True)
class ModelSwitch:
    """When somebody let a model answer."""

    bundle: str
    actor: str
    at: datetime


@dataclass(frozen=True)
class ProcessModel:
    """What a running process says of one model."""

    process: UUID
    bundle: str
    fault: str
    """Why it can't answer by the model; empty where it can."""
    is_answering: bool


def put_model(connection: Transaction, bundle: str, folder: str) -> None:
    """Let every process hold a model ready."""
    connection.execute(
        "INSERT INTO models (bundle, folder) VALUES (%s, %s) "
        "ON CONFLICT (bundle) DO UPDATE SET folder = EXCLUDED.folder",
        (bundle, folder),
    )


def known_models(connection: Transaction) -> list[KnownModel]:
    """Return the models that stand side by side, the first one first."""
    rows = connection.execute(
        "SELECT bundle, folder, added_at FROM models ORDER BY added_at, bundle"
    ).fetchall()
    return [KnownModel(*row) for row in rows]


def remove_model(connection: Transaction, bundle: str) -> bool:
    """Let no process hold a model ready any more; return whether it was there and does not answer."""
    removed = connection.execute(
        "DELETE FROM models WHERE bundle = %s AND bundle IS DISTINCT FROM %s",
        (bundle, active_model(connection)),
    )
    return removed.rowcount > 0


def put_switch(connection: Transaction, bundle: str, actor: str) -> bool:
    """Let a model that stands ready answer; return whether it is known."""
    return (
        connection.execute(
            "INSERT INTO model_switches (bundle, actor) "
            "SELECT bundle, %s FROM models WHERE bundle = %s FOR UPDATE",
            (actor, bundle),
        ).rowcount
        > 0
    )


def active_model(connection: Transaction) -> str | None:
    """Return the model that answers; None where none was ever switched to, so each process uses its own."""
    switches = newest_switches(connection, 1)
    return switches[0].bundle if switches else None


def newest_switches(connection: Transaction, most: int) -> list[ModelSwitch]:
    """Return the last switches, the newest first."""
    rows = connection.execute(
        "SELECT bundle, actor, at FROM model_switches ORDER BY switch_id DESC LIMIT %s", (most,)
    ).fetchall()
    return [ModelSwitch(*row) for row in rows]


def note_process(connection: Transaction, process: UUID, faults: Mapping[str, str], answering: str) -> None:
    """Keep what a process says of each model that it knows, by bundle: why it can't answer by it, or ""."""
    connection.execute(
        "DELETE FROM model_processes WHERE (process = %s AND bundle <> ALL(%s)) "
        "OR seen_at < now() - make_interval(secs => %s)",
        (process, list(faults), HEARD_SECONDS),
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO model_processes (process, bundle, fault, is_answering) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (process, bundle) DO UPDATE SET fault = EXCLUDED.fault, "
            "is_answering = EXCLUDED.is_answering, seen_at = clock_timestamp()",
            [(process, bundle, faults[bundle], bundle == answering) for bundle in sorted(faults)],
        )


def running_processes(connection: Transaction) -> list[ProcessModel]:
    """Return what each running process says of each model that it knows."""
    rows = connection.execute(
        "SELECT process, bundle, fault, is_answering FROM model_processes "
        "WHERE seen_at >= now() - make_interval(secs => %s) ORDER BY process, bundle",
        (HEARD_SECONDS,),
    ).fetchall()
    return [ProcessModel(*row) for row in rows]
