"""Which untouched encoder a run was judged with, as its embeddings record it."""

from dataclasses import dataclass

from ticketkin.encoders.runtime.fidelity import RuntimeRecord


@dataclass(frozen=True)
class UntouchedEncoder:
    """The encoder of a run before any tuning; embeddings/base.json."""

    name: str
    fingerprint: str
    """Of what embedded the texts: the model, or its export to another runtime."""
    source_fingerprint: str
    """Of the model itself."""
    runtime: RuntimeRecord
    max_length_tokens: int
    device: str
    packaged: bool
    template: str
    """How a ticket's fields were composed into a text."""
    code: str = ""
    """REPO@COMMIT of code of its own that it ran, as was allowed; empty where it ran none."""
    tuned_as: str = ""
    """The model of which run it is, where it was tuned before; empty for an untouched one."""
