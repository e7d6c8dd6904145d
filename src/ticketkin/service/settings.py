"""What a service allows and where it listens."""

from pydantic import BaseModel, ConfigDict, Field

COUNTS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable of prometheus_client: the folder where workers of one service count together."""


class ServiceSettings(BaseModel):
    """How a service listens and what it takes at most."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8477, ge=0, le=65_535)
    """Port to listen on; 0 takes a free one."""
    workers: int = Field(default=1, ge=1, le=256)
    """Processes that answer."""
    hosts: tuple[str, ...] = ()
    """Names under which the service is reached besides those of this machine, as browsers send them."""
    most_body_bytes: int = Field(default=8 << 20, ge=1_024)
    """Largest body of a request."""
    most_tickets: int = Field(default=500, ge=1)
    """Most tickets of one request."""
    signs_in: bool = False
    """Whether everybody has to sign in; without it the service listens on this machine alone."""
    session_hours: int = Field(default=12, ge=1)
    """How long a browser stays signed in."""
    most_requests_a_minute: int = Field(default=1_200, ge=1)
    """Of one person, program or address; a short burst may be a tenth of it."""
    keeps_questions_days: int = Field(default=90, ge=1)
    """How long it is kept what was shown to people."""
    most_nearest: int = Field(default=100, ge=1)
    """Most relations of one answer."""
