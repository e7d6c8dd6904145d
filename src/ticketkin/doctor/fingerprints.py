"""A model folder compared with the fingerprint that was written when it was saved.

Each check names what was changed, so that a person knows what to restore: a setting, the tokenizer, weights,
the base an adapter is loaded on; and last whether the model still embeds as it did.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ticketkin.core.checks import Check, failed, passed, skipped
from ticketkin.core.errors import TicketkinError
from ticketkin.core.tables import FloatArray
from ticketkin.core.wording import number_of
from ticketkin.encoders.fingerprint import (
    FINGERPRINT,
    N_BASE_PROBES,
    SAME_MODEL,
    BaseFingerprint,
    Fingerprint,
    Plain,
    WeightDigest,
    digest_tokenizer,
    digest_weights,
    plain_settings,
    read_fingerprint,
)
from ticketkin.encoders.probes import FINGERPRINT_PROBES, embed_with, largest_difference
from ticketkin.encoders.saving import base_in

_RESTORE = "restore the folder from the run or bundle that it came from, or train again"
_SHOWN = 3


def compare_with_fingerprint(folder: Path, outputs: FloatArray | None) -> list[Check]:
    """Return what became of a model since it was saved; `outputs` are what it makes of the probes now.

    `outputs` are None where they can't be had; then the files alone are compared.
    """
    try:
        saved = read_fingerprint(folder)
        if saved is None:
            return [skipped("fingerprint", "no fingerprint to compare with: an older release or another tool "
                            "saved this folder, so that later changes of it can't be seen")]  # fmt: skip
        return [
            _settings(saved.settings, plain_settings(folder)),
            _tokenizer(saved, folder),
            _weights(saved.weights, digest_weights(folder)),
            *([] if outputs is None or saved.outputs is None else [_outputs(saved, outputs)]),
        ]
    except TicketkinError as error:
        return [failed("fingerprint", str(error), _RESTORE)]


def probe_embeddings(model: Any) -> FloatArray:
    """Return the embeddings that a fingerprint holds, by a model in memory."""
    return embed_with(model, FINGERPRINT_PROBES)


def _settings(saved: Mapping[str, Mapping[str, Plain]], now: Mapping[str, Mapping[str, Plain]]) -> Check:
    code = "fingerprint_settings"
    changes = [f"{file} is missing" for file in sorted(saved.keys() - now.keys())]
    changes += [f"{file} is new" for file in sorted(now.keys() - saved.keys())]
    for file in sorted(saved.keys() & now.keys()):
        before, after = saved[file], now[file]
        for key in sorted(before.keys() | after.keys()):
            if key not in after:
                changes.append(f"{key} is missing in {file}, was {before[key]!r}")
            elif key not in before:
                changes.append(f"{key} is {after[key]!r} in {file}, was not set")
            elif before[key] != after[key]:
                changes.append(f"{key} is {after[key]!r} in {file}, was {before[key]!r}")
    if changes:
        return failed(
            code,
            f"{_counted(len(changes), 'setting')} changed since it was saved: {_some(changes)}",
            _RESTORE,
        )
    return passed(code, f"the settings in {number_of(len(now), 'file')} are those it was saved with")


def _tokenizer(saved: Fingerprint, folder: Path) -> Check:
    code = "fingerprint_tokenizer"
    before, now = saved.tokenizer, digest_tokenizer(folder)
    if before == now:
        n_words = 0 if now is None else now.n_words
        return passed(
            code, f"its {number_of(n_words, 'word')} are those it was saved with" if n_words else "unchanged"
        )
    if before is None or now is None:
        return failed(code, "the tokenizer is missing" if now is None else "a tokenizer was added", _RESTORE)
    if before.in_order != now.in_order and before.any_order == now.any_order:
        what = "its words are in another order, so that each reads the row of another"
    elif before.in_order != now.in_order:
        what = f"it has other words ({now.n_words:,}, {before.n_words:,} when it was saved)"
    else:
        other = sorted(name for name, _ in before.files.items() ^ now.files.items())
        what = f"{_some(list(dict.fromkeys(other)))} changed"
    return failed(code, f"the vocabulary is not the one it was saved with: {what}", _RESTORE)


def _weights(saved: Mapping[str, WeightDigest], now: Mapping[str, WeightDigest]) -> Check:
    code = "fingerprint_weights"
    faults = []
    missing, added = sorted(saved.keys() - now.keys()), sorted(now.keys() - saved.keys())
    if missing:
        faults.append(f"{_counted(len(missing), 'weight')} missing ({_some(missing)})")
    if added:
        faults.append(f"{_counted(len(added), 'weight')} added ({_some(added)})")
    by_kind: dict[str, list[str]] = {}
    for name in sorted(saved.keys() & now.keys()):
        if saved[name] != now[name]:
            by_kind.setdefault(_change(name, saved, now), []).append(name)
    faults += [f"{kind}: {_some(names)}" for kind, names in by_kind.items()]
    if faults:
        return failed(code, f"the weights are not those that were saved: {'; '.join(faults)}", _RESTORE)
    return passed(code, f"all {number_of(len(now), 'weight is', 'weights are')} those that were saved")


def _change(name: str, saved: Mapping[str, WeightDigest], now: Mapping[str, WeightDigest]) -> str:
    """Return what happened to one weight, as far as its digests tell."""
    before, after = saved[name], now[name]
    if after.dtype != before.dtype:
        return f"saved as {after.dtype}, was {before.dtype}"
    if after.shape != before.shape:
        return f"of the shape {after.shape}, was {before.shape}"
    if after.magnitude == before.magnitude:
        return "signs flipped"
    if any(other.sha256 == after.sha256 for key, other in saved.items() if key != name):
        return "holds what another layer held"
    return _rows_changed(before, after)


def _rows_changed(before: WeightDigest, after: WeightDigest) -> str:
    if before.rows and before.rows == after.rows:
        return "rows in another order"
    n_blocks = sum(one != other for one, other in zip(before.blocks, after.blocks, strict=False))
    if before.blocks and 0 < n_blocks < len(before.blocks):
        return f"rows overwritten in {n_blocks} of {number_of(len(before.blocks), 'part')}"
    return "other values"


def _outputs(saved: Fingerprint, now: FloatArray) -> Check:
    code = "fingerprint_embeddings"
    assert saved.outputs is not None  # noqa: S101 - the caller looked
    then = saved.outputs.values()
    what = "scores" if saved.form == "cross-encoder" else "embeddings"
    difference = largest_difference(now, then)
    if difference <= SAME_MODEL:
        return passed(
            code,
            f"{what} of {number_of(len(then), 'made-up ticket')} are those of then (difference "
            f"{difference:.1g})",
        )
    if _is_base(saved, now, then):
        return failed(
            code,
            f"these are the embeddings of the untouched base{_name(saved.base)}: the change is not in it",
            "the base was saved in the place of the tuned model, or its last modules are gone; " + _RESTORE,
        )
    return failed(
        code,
        f"{what} of {number_of(len(then), 'made-up ticket')} differ from those of then by up to "
        f"{difference:.2g}",
        "see the other fingerprint checks; where all passed, another release of a library computes otherwise "
        f"(saved with {', '.join(f'{name} {number}' for name, number in saved.versions.items())})",
    )


def _is_base(saved: Fingerprint, now: FloatArray, then: FloatArray) -> bool:
    if saved.base is None:
        return False
    base = saved.base.outputs.values()
    was_tuned = largest_difference(then[:N_BASE_PROBES], base) > SAME_MODEL
    return was_tuned and largest_difference(now[:N_BASE_PROBES], base) <= SAME_MODEL


def base_check(adapter: Path, base: str, untouched: Any) -> Check:
    """Return whether `untouched`, the model in the folder `base`, is the one an adapter was trained on."""
    code = "adapter_base"
    try:
        saved = read_fingerprint(adapter)
    except TicketkinError as error:
        return failed(code, str(error), _RESTORE)
    if saved is None or saved.base is None or saved.outputs is None:
        return skipped(code, f"no fingerprint of the base to compare with (no {FINGERPRINT})")
    now = base_in(base, untouched)
    if now.fingerprint == saved.base.fingerprint:
        return passed(code, f"it was trained on this base{_name(saved.base)}")
    embeddings = now.outputs.values()
    difference = largest_difference(embeddings, saved.base.outputs.values())
    if difference <= SAME_MODEL:
        return passed(code, f"its base embeds as this one does{_name(saved.base)}; its files are others")
    if largest_difference(embeddings, saved.outputs.values()[:N_BASE_PROBES]) <= SAME_MODEL:
        return failed(
            code,
            "the base given is this adapter's merged model: loaded on it, its change counts twice",
            f"name the untouched base{_name(saved.base)} with --base-model, or use the merged model alone",
        )
    return failed(
        code,
        f"the base given is not the one the adapter was trained on{_name(saved.base)}: its embeddings differ "
        f"by {difference:.2g}, though the shapes may fit",
        "name the base it was trained on with --base-model",
    )


def _name(base: BaseFingerprint | None) -> str:
    return f" ({base.name})" if base and base.name else ""


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
