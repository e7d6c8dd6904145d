"""How long encoding will take where it was never measured: a few of the user's own texts are encoded."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl

from ticketkin.core.errors import TicketkinError
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import LoadedEncoder, load_encoder, load_folder, model_at_hand
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.pairs.interchange import read_text_pairs
from ticketkin.tickets.mapping import find_mapping
from ticketkin.tickets.reading import read_table
from ticketkin.tickets.settings import TicketSettings
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.forecast import Forecast

_MOST_BYTES = 256 * 1024**2
"""Largest size of the files that are read for a forecast; reading larger ones would take too long."""
_LEAST_BYTES = 500_000
"""Smaller exports are encoded about as fast as a forecast is computed."""
_MOST_TEXTS, _A_BATCH, _MOST_SECONDS = 48, 8, 3.0
# The cache may hold some texts, a faster runtime may be chosen, and others may use the machine meanwhile.
_FASTER, _SLOWER = 0.4, 2.5


@dataclass(frozen=True)
class _Texts:
    """Texts of a few tickets, and how many tickets there are."""

    few: list[str]
    n_tickets: int


def is_worth_measuring(job: Job) -> bool:
    """Return whether a job encodes so much that the user should know the duration beforehand."""
    return sum(path.stat().st_size for path in job.tickets_from if path.is_file()) >= _LEAST_BYTES


def encoding_forecast(job: Job) -> Forecast | None:
    """Return roughly how long the tickets of a job take to be encoded, within seconds.

    None where there is no quick forecast: the model is not on this machine yet (nothing is fetched for a
    forecast), the files are large, or they can't be read, which the run itself reports better.
    """
    with suppress(TicketkinError, OSError):
        if sum(path.stat().st_size for path in job.tickets_from) > _MOST_BYTES:
            return None
        settings = job.settings.encoder
        texts, encoder = _texts_of(job), _encoder_at_hand(settings)
        if encoder is not None and texts.n_tickets:
            whole = _seconds_a_text(encoder, texts.few, settings) * texts.n_tickets
            return Forecast(_FASTER * whole, _SLOWER * whole, rough=True)
    return None


def _encoder_at_hand(settings: EncoderSettings) -> LoadedEncoder | None:
    if settings.offline:
        return load_encoder(settings)
    folder = model_at_hand(settings.base_model)
    return None if folder is None else load_folder(folder, settings)


def _texts_of(job: Job) -> _Texts:
    if job.pairs_file is not None:
        pairs = read_text_pairs(job.pairs_file, job.settings.pairs.kin_from)
        texts = list(dict.fromkeys([*pairs.left, *pairs.right]))
        return _Texts(_spread(texts), len(texts))
    parts = [_texts_in(source, job.settings.tickets) for source in job.sources]
    few = [text for part in parts for text in part.few]
    return _Texts(_spread(few), sum(part.n_tickets for part in parts))


def _texts_in(source: Path, settings: TicketSettings) -> _Texts:
    frame = read_table(source, settings.encoding).frame
    columns = find_mapping(frame.columns, settings.mapping).columns
    rows = np.unique(np.linspace(0, frame.height - 1, _MOST_TEXTS).astype(np.int64)).tolist()
    some = frame[rows].select(
        pl.lit("").alias(field) if field not in columns else pl.col(columns[field]).fill_null("").alias(field)
        for field in ("title", "description")
    )
    texts = [f"{title} {description}" for title, description in some.iter_rows()]
    return _Texts(texts, frame.height)


def _spread(texts: Sequence[str]) -> list[str]:
    """Return some texts of all, from end to end."""
    step = max(1, len(texts) // _MOST_TEXTS)
    return list(texts[::step][:_MOST_TEXTS])


def _seconds_a_text(encoder: LoadedEncoder, texts: Sequence[str], settings: EncoderSettings) -> float:
    """Return the seconds that one of some texts takes; 0 without any. The first batch is not counted."""
    if not texts:
        return 0.0
    encode_texts(encoder, texts[:2], None, settings)
    started, n_done = perf_counter(), 0
    while n_done < len(texts) and perf_counter() - started < _MOST_SECONDS / 2:
        encode_texts(encoder, texts[n_done : n_done + _A_BATCH], None, settings)
        n_done = min(len(texts), n_done + _A_BATCH)
    return (perf_counter() - started) / n_done
