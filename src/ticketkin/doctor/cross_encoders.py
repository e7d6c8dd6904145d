"""What can be wrong with a saved cross-encoder."""

from collections.abc import Sequence
from pathlib import Path

from ticketkin.core.checks import Check, failed, passed
from ticketkin.core.errors import TicketkinError
from ticketkin.core.wording import number_of
from ticketkin.doctor.fingerprints import compare_with_fingerprint
from ticketkin.doctor.models import precision_check
from ticketkin.encoders.cross_encoder import load_cross_encoder, probe_logits
from ticketkin.encoders.fingerprint import read_fingerprint
from ticketkin.encoders.settings_files import read_settings
from ticketkin.encoders.weights import saved_weights

_CONFIG = "config.json"


def is_cross_encoder(folder: Path) -> bool:
    """Return whether a model folder holds a cross-encoder: its fingerprint says so, or its architecture.

    Raises UnreadableFileError where neither can be read.
    """
    saved = read_fingerprint(folder)
    if saved is not None:
        return saved.form == "cross-encoder"
    if not (folder / _CONFIG).is_file():
        return False
    config = read_settings(folder / _CONFIG)
    architectures = config.get("architectures") if isinstance(config, dict) else None
    return isinstance(architectures, list) and any(
        isinstance(name, str) and name.endswith("ForSequenceClassification") for name in architectures
    )


def examine_cross_encoder(folder: Path) -> list[Check]:
    """Return the checks of a folder that `CrossEncoder(folder)` loads."""
    try:
        model = load_cross_encoder(folder, "cpu")
        saved = saved_weights(folder)
    except TicketkinError as error:
        return [failed("model_files", str(error), "give a whole cross-encoder, or train again")]
    needed = {name for name, _ in model.transformers_model.named_parameters()}
    drawn = sorted(name for name in needed - saved.keys() if "pooler" not in name)
    return [
        passed("model_files", "complete, safetensors only"),
        precision_check("model_precision", saved),
        _weights(len(needed), drawn),
        *compare_with_fingerprint(folder, probe_logits(model)),
    ]


def _weights(n_needed: int, drawn: Sequence[str]) -> Check:
    """Tell which weights the loader drew at random, as the file lacks them under their names."""
    if not drawn:
        return passed(
            "model_weights", f"all {number_of(n_needed, 'weight comes', 'weights come')} from the file"
        )
    return failed(
        "model_weights",
        f"{number_of(len(drawn), 'weight is', 'weights are')} not in the file under their names "
        f"({', '.join(drawn[:2])}); the loader fills them at random and mentions it in passing",
        "save the model again from a good copy, or train again",
    )
