"""Settings of the base model, of what executes it, and of low-rank adapters."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ticketkin.core.errors import InputError
from ticketkin.core.stage_settings import StageSettings
from ticketkin.encoders.model_code import parse_model_code

Runtime = Literal["torch", "openvino", "openvino-int8", "onnx-int8"]
"""What executes an encoder."""
AskedRuntime = Runtime | Literal["auto"]
"""What a user asks for; 'auto' is the fastest whose fidelity holds."""
DEFAULT_CROSS_ENCODER = "cross-encoder/ms-marco-MiniLM-L-6-v2"


def _names_code(text: str) -> str:
    try:
        return str(parse_model_code(text))
    except InputError as error:
        raise ValueError(str(error)) from None


class EncoderSettings(StageSettings):
    """The base model and how texts are encoded."""

    base_model: str = "sentence-transformers/all-mpnet-base-v2"
    """Hub name or local folder of the untouched encoder (`--base-model`)."""
    offline: bool = False
    """Use no network; without a local base model the packaged all-MiniLM-L6-v2."""
    max_length_tokens: int | None = Field(default=None, ge=8, le=131_072)
    """Longer texts are cut; None keeps the model's own limit."""
    batch_size: int = Field(default=16, ge=1, le=65_536)
    """Texts a batch while encoding; halves by itself when memory runs out."""
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """'auto' takes CUDA, then MPS, then CPU."""
    runtime: AskedRuntime = "torch"
    """What executes the encoder. 'openvino' is exact to 1e-6 and faster on a CPU; the two in int8 are several
    times faster and close; 'auto' takes the first of openvino-int8, onnx-int8 and openvino that is installed,
    stays true to torch and is faster. A run is judged with 'torch' unless asked otherwise."""
    trust_code: tuple[Annotated[str, AfterValidator(_names_code)], ...] = Field(default=(), exclude=True)
    """Code of models that may run, REPO@COMMIT with all 40 digits (`--trust-code`). A run keeps what it ran
    beside its embeddings and trainings; it never keeps the consent, which is given anew each time."""


class LowRankSettings(StageSettings):
    """A low-rank update of linear layers (Hu et al. 2021, arXiv:2106.09685)."""

    rank: int = Field(default=16, ge=1, le=4_096)
    """Rank r of the update."""
    alpha: int = Field(default=32, ge=1, le=65_536)
    """Scale of the update is alpha / rank."""
    dropout: float = Field(default=0.05, ge=0, lt=1)
    """Dropout on the adapter's input."""
