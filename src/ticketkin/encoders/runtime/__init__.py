"""Encoders without torch: exported once, checked against torch, then run by OpenVINO or ONNX Runtime.

`exporting` makes an export from a model in torch, `fidelity` says how near it comes, `choosing` decides
whether it may stand in for torch; `serving` loads one from its folder. Loading and encoding import neither
torch nor sentence-transformers nor transformers, so a cold process answers in about a second.
"""

from ticketkin.encoders.runtime.serving import TextEncoder, load_runtime

__all__ = ["TextEncoder", "load_runtime"]
