"""A model with code of its own, as the hub's local cache would keep it; importing the code leaves a mark."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

REVISION, OTHER_REVISION = "a1" * 20, "b2" * 20
REPOSITORY, CODE_REPOSITORY = "desk/own-bert", "desk/own-code"
_CODE = """
from pathlib import Path

from transformers import BertConfig, BertModel

Path({mark!r}).write_text("the code ran", "utf-8")


class OwnConfig(BertConfig):
    model_type = "own_bert"


class OwnModel(BertModel):
    config_class = OwnConfig
"""


@dataclass(frozen=True)
class OwnCode:
    """What the cache holds."""

    mark: Path
    """Written by the code when it is imported."""
    snapshot: Path
    """Of the model whose code lies beside it."""

    @property
    def ran(self) -> bool:
        """Whether the code was imported since the last question."""
        if self.mark.exists():
            self.mark.unlink()
            return True
        return False


def keep_in_hub_cache(tiny: Path, place: Path, patch: pytest.MonkeyPatch) -> OwnCode:
    """Let the hub's cache hold `desk/own-bert`, and `desk/borrowed`, whose code lies in `desk/own-code`."""
    from huggingface_hub import constants
    from transformers import dynamic_module_utils

    hub, modules = place / "hub", place / "modules"
    for name, value in (("HF_HUB_CACHE", hub), ("HF_MODULES_CACHE", modules)):
        patch.setenv(name, str(value))
    patch.setattr(constants, "HF_HUB_CACHE", str(hub))
    patch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(modules))
    patch.setenv("TICKETKIN_TRUST_CODE", "")  # so that what a test allows ends with it
    mark = place / "mark"
    own = _keep(hub, REPOSITORY, tiny, "")
    _keep(hub, "desk/borrowed", tiny, f"{CODE_REPOSITORY}--")
    code = _keep(hub, CODE_REPOSITORY, None, "")
    for snapshot in (own, code):
        (snapshot / "modeling_own.py").write_text(_CODE.format(mark=str(mark)), "utf-8")
    return OwnCode(mark, own)


def _keep(hub: Path, repository: str, tiny: Path | None, prefix: str) -> Path:
    kept = hub / f"models--{repository.replace('/', '--')}"
    snapshot = kept / "snapshots" / REVISION
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text(REVISION, "utf-8")
    if tiny is None:
        snapshot.mkdir(parents=True)
        return snapshot
    shutil.copytree(tiny, snapshot)
    config = json.loads((snapshot / "config.json").read_text("utf-8"))
    classes = {"AutoConfig": f"{prefix}modeling_own.OwnConfig", "AutoModel": f"{prefix}modeling_own.OwnModel"}
    (snapshot / "config.json").write_text(
        json.dumps({**config, "model_type": "own_bert", "auto_map": classes}), "utf-8"
    )
    return snapshot
