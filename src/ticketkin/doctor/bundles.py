"""What can be wrong with a bundle, looked at one by one."""

from pathlib import Path

from ticketkin.core.checks import Check, any_failed, failed, passed, skipped, warning
from ticketkin.core.errors import TicketkinError
from ticketkin.core.wording import number_of
from ticketkin.doctor.cross_encoders import examine_cross_encoder, is_cross_encoder
from ticketkin.doctor.models import examine_model
from ticketkin.encoders.fingerprint import FINGERPRINT
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.index import Index
from ticketkin.serving.manifest import COPY_AGAIN, check_files, default_index, read_manifest
from ticketkin.serving.parity import parity_check
from ticketkin.serving.record import read_serving_record
from ticketkin.tickets.redaction import REDACTION_VERSION


def examine_bundle(folder: Path) -> list[tuple[str, list[Check]]]:
    """Return the checks of a bundle by the name of each part: files, models, masking, parity, index."""
    checks = [_files(folder)]
    if any_failed(checks):
        return [("bundle", checks)]
    bundle = Bundle(folder, read_manifest(folder), read_serving_record(folder))
    checks += [_redaction(bundle), _parity(bundle), _index(bundle)]
    models = dict.fromkeys(source.folder for source in bundle.record.embeddings)
    readers = [
        path.parent for path in sorted(folder.glob(f"*/**/{FINGERPRINT}")) if is_cross_encoder(path.parent)
    ]
    return [
        ("bundle", checks),
        *((name, examine_model(folder / name)) for name in models),
        *((path.relative_to(folder).as_posix(), examine_cross_encoder(path)) for path in readers),
    ]


def _files(folder: Path) -> Check:
    code = "bundle_files"
    try:
        manifest = read_manifest(folder)
        check_files(folder, manifest)
    except TicketkinError as error:
        return failed(code, str(error), "don't answer from it")
    size = sum(record.n_bytes for record in manifest.files.values()) / 1e6
    return passed(
        code,
        f"all {number_of(len(manifest.files), 'file')} ({size:,.0f} MB) have the hash they were made with; "
        f"id {manifest.id[:12]}, made by ticketkin {manifest.ticketkin}",
    )


def _redaction(bundle: Bundle) -> Check:
    code = "bundle_redaction"
    if not bundle.record.tickets.redact:
        return warning(code, "its run did not mask personal data, so new tickets are not masked either",
                       "run again without tickets.redact=false before anything is stored")  # fmt: skip
    if not bundle.redacts_alike:
        return warning(
            code,
            f"made with redaction version {bundle.record.redaction_version}, this release has "
            f"{REDACTION_VERSION}: new tickets are masked otherwise than those it learned from",
            "run again with this release when you can",
        )
    return passed(code, f"new tickets are masked as in training (version {REDACTION_VERSION})")


def _parity(bundle: Bundle) -> Check:
    try:
        return parity_check(bundle)
    except TicketkinError as error:
        return failed("bundle_parity", str(error), COPY_AGAIN)


def _index(bundle: Bundle) -> Check:
    code, folder = "bundle_index", default_index(bundle.folder)
    if not folder.exists():
        return skipped(code, "it holds no index; tickets are stored by: ticketkin index")
    try:
        index = Index.open(folder, bundle.scorer, bundle.id, create=False)
    except TicketkinError as error:
        return failed(code, str(error), "delete the folder and build the index again: ticketkin index")
    return passed(code, f"{number_of(len(index), 'ticket')}, of this bundle")
