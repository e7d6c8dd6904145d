"""What all models of requests and answers have in common."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Refuses what it does not know; docstrings of fields become their descriptions."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
