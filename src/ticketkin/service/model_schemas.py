"""What goes in and out about the models that stand side by side."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from ticketkin.service.model_switching import processes_not_ready
from ticketkin.service.strict_model import Strict
from ticketkin.store.database import Transaction
from ticketkin.store.models import ModelSwitch, known_models, newest_switches, running_processes

_MOST_SWITCHES = 20


class StandingModel(Strict):
    """A model that processes hold ready."""

    bundle: str
    """Id: equal means equal answers."""
    folder: str
    """Where processes open it."""
    added_at: datetime
    is_answering: bool
    """Whether it was switched to last."""
    not_ready: list[str]
    """For each running process that can't answer by it, why."""


class ModelsOut(Strict):
    """The models that stand side by side, and which of them answered since when."""

    models: list[StandingModel]
    """None before the first switch: each process answers by the bundle that it was started with."""
    switches: list[ModelSwitch]
    """The newest first."""
    n_processes: int
    """Running processes."""

    @classmethod
    def of(cls, connection: Transaction) -> Self:
        """Return what the database says."""
        running, switches = running_processes(connection), newest_switches(connection, _MOST_SWITCHES)
        answering = switches[0].bundle if switches else None
        models = [
            StandingModel(
                **vars(model),
                is_answering=model.bundle == answering,
                not_ready=processes_not_ready(running, model.bundle),
            )
            for model in known_models(connection)
        ]
        return cls(
            models=models,
            switches=switches,
            n_processes=len({one.process for one in running}),
        )


class ModelChoice(Strict):
    """A model that is to answer."""

    bundle: Annotated[str, Field(min_length=1, max_length=100)]
    """Its id."""


class EmbeddingOut(Strict):
    """One forward pass of a ticket."""

    name: str
    runtime: str


class ModelOut(Strict):
    """What answers, and what was proven of it."""

    bundle: str
    """Id: equal means equal answers, with the same refit."""
    refit: int
    """Number of the refit whose weights rank; 0 for the bundle's own."""
    made_by: str
    """Version of Ticketkin."""
    base_model: str
    champion: str
    """The ranking that won."""
    verdict: str
    """What was proven, in a sentence."""
    grounds: str
    """What that rests on."""
    readiness: str
    is_synthetic: bool
    """Whether it was learned on the built-in sample: then it says nothing of a real desk."""
    learned_until: str
    """When the last ticket opened that was learned from; empty without opening times."""
    kinds: str
    """Whether kinds of kin were learned, and why not."""
    embeddings: list[EmbeddingOut]
    n_forward_passes: int
    """Texts and pairs that go through an encoder for one ticket."""
    parity: str
    """How the bundle's own probes scored here, against when it was made."""
