"""From one model to another while requests are answered: prepared beside, then switched by one row.

A new bundle's embeddings of all stored tickets are made first and lie beside those of the model that answers.
Then every process is told to hold it ready, and only when all of them are does one row in the database let it
answer. The model before stands ready for going back until it is removed.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from ticketkin.core.checks import Outcome
from ticketkin.core.errors import InputError, JobError, ModelNotReadyError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.wording import number_of
from ticketkin.service.stored_embeddings import embed_stored
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.manifest import is_bundle
from ticketkin.serving.parity import parity_check
from ticketkin.store.audit import put_audit
from ticketkin.store.database import Database, Transaction
from ticketkin.store.embeddings import forget_models
from ticketkin.store.models import (
    PREPARING,
    KnownModel,
    ProcessModel,
    active_model,
    known_models,
    put_model,
    put_switch,
    remove_model,
    running_processes,
)

_LOOK_SECONDS = 0.5


def open_known(known: KnownModel, redact_words: Path | None) -> Bundle:
    """Return the bundle of a model that the database lists.

    Raises as `Bundle.open`, and InputError where its folder holds another bundle by now.
    """
    bundle = Bundle.open(Path(known.folder), redact_words)
    if bundle.id != known.bundle:
        raise InputError(
            f"{known.folder} held the model {known.bundle[:12]} when it was added and holds "
            f"{bundle.id[:12]} now; put the bundle back, or switch to the new one: ticketkin models switch"
        )
    return bundle


def bundle_to_serve(database: Database, named: Bundle, redact_words: Path | None) -> Bundle:
    """Return the bundle that a process answers by: the one that was switched to last, else the named one.

    Raises InputError where the one that was switched to can't be opened here.
    """
    with database.transaction() as connection:
        active = active_model(connection)
        known = next((one for one in known_models(connection) if one.bundle == active), None)
    if active in (None, named.id):
        return named
    if known is None or not is_bundle(Path(known.folder)):
        raise InputError(
            f"This store was switched to the model {str(active)[:12]}, which is not in "
            f"{known.folder if known else named.folder}; put its bundle back there, serve it from where it "
            f"is now, or switch: ticketkin models switch {named.folder} {named.folder}"
        )
    return open_known(known, redact_words)


def prepare_model(
    database: Database, named: Path, new: Path, redact_words: Path | None, progress: Progress = SILENT
) -> Bundle:
    """Embed all stored tickets by the bundle in `new` and tell every process to hold it ready.

    `named` is the bundle that the service was started with, which stays listed for going back. Returns the
    new bundle. Raises as `Bundle.open`; JobError where it does not score here as it was judged.
    """
    bundle = Bundle.open(new, redact_words)
    parity = parity_check(bundle)
    if parity.outcome is Outcome.FAILED:
        raise JobError(f"Nothing was switched: {parity.evidence}; {parity.advice}")
    n_made = embed_stored(database, bundle, progress)
    progress.say(f"Embeddings: {number_of(n_made, 'stored ticket')} had none by this model")
    with database.transaction() as connection:
        if active_model(connection) is None:
            put_model(connection, Bundle.open(named, redact_words).id, str(named.absolute()))
        put_model(connection, bundle.id, str(new.absolute()))
    return bundle


def switch_model(connection: Transaction, bundle: str, actor: str) -> None:
    """Let a model answer that every running process holds ready.

    Raises InputError where it is not listed, ModelNotReadyError where a process can't answer by it.
    """
    known = {one.bundle for one in known_models(connection)}
    if bundle not in known:
        raise InputError(
            f"No model {bundle[:40]!r} stands ready; there are {', '.join(sorted(known)) or 'none'}. Add it: "
            "ticketkin models switch BUNDLE NEW"
        )
    waited_for = processes_not_ready(running_processes(connection), bundle)
    if waited_for:
        raise ModelNotReadyError(
            f"{number_of(len(waited_for), 'running process')} can't answer by the model {bundle[:12]} yet: "
            f"{waited_for[0]}. Nothing was switched; try again when they can"
        )
    put_switch(connection, bundle, actor)
    put_audit(connection, actor, f"switched to the model {bundle[:12]}")


def switch_when_ready(
    database: Database, bundle: str, actor: str, most_seconds: float, progress: Progress = SILENT
) -> None:
    """Wait until every running process is ready for a model, and switch to it.

    Raises ModelNotReadyError where one says that it can't be, or is not after `most_seconds`; nothing is
    switched then.
    """
    progress.say("waiting until every running process is ready")
    end = time.monotonic() + most_seconds
    while True:
        with database.transaction() as connection:
            waited_for = set(processes_not_ready(running_processes(connection), bundle))
            if waited_for != {PREPARING} or time.monotonic() > end:
                switch_model(connection, bundle, actor)
                return
        time.sleep(_LOOK_SECONDS)


def forget_model(
    database: Database, bundle: str, actor: str, redact_words: Path | None, progress: Progress = SILENT
) -> int:
    """Let no process hold a model ready any more; return how many embeddings went that it alone needed.

    Raises InputError where it is not listed or answers; as `Bundle.open` for those that stay.
    """
    with database.transaction() as connection:
        known = known_models(connection)
        if bundle not in {one.bundle for one in known} or bundle == active_model(connection):
            raise InputError(
                f"No model {bundle[:40]!r} stands beside the one that answers; see "
                "ticketkin models list BUNDLE"
            )
    progress.say("looking which embeddings the models that stay need")
    staying = [open_known(one, redact_words) for one in known if one.bundle != bundle]
    needed = sorted({model for other in staying for model in other.models.values()})
    with database.transaction() as connection:
        if not remove_model(connection, bundle):
            raise InputError(f"The model {bundle[:12]} was switched to meanwhile; nothing was removed")
        put_audit(connection, actor, f"removed the model {bundle[:12]}")
        return forget_models(connection, needed)


def processes_not_ready(running: Sequence[ProcessModel], bundle: str) -> list[str]:
    """Return for each running process that can't answer by a model why it can't."""
    reasons = {
        process: next((one.fault for one in running if one.process == process and one.bundle == bundle), None)
        for process in {one.process for one in running}
    }
    return [PREPARING if reason is None else reason for reason in reasons.values() if reason != ""]
