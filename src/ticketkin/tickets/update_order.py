"""In which order the rows of one ticket were written: its updates counted, dated, or given by its state."""

import polars as pl

from ticketkin.tickets.mapping import ColumnMapping, normalise_name

# Columns by which systems count the updates of one ticket; a product's "version" is none.
_UPDATE_COUNTERS = ("sys_mod_count", "mod_count", "update_no")
# States, without accents, as systems call them in English, German, French and Spanish.
_CLOSED = (
    r"\b(clos(e|ed|ure)|done|complete[d]?|cancel+ed|verified|geschlossen|abgeschlossen|beendet|storniert"
    r"|ferme[e]?|cloture[e]?|clos|annule[e]?|cerrad[oa]|cancelad[oa])\b"
)
_RESOLVED = r"\b(resolved|solved|fixed|gelost|erledigt|behoben|resolu[e]?|resuelt[oa]|solucionad[oa])\b"
# "Not resolved", "pending close": a word that is not so, or not so yet.
_NOT_YET = r"\b(?:not|no|non|pas|nicht|pending|waiting|awaiting|re)\b\W*\w+|\w+\W+pending\b"
# ServiceNow's own numbers of states: resolved, closed, cancelled.
_RESOLVED_NUMBER, _CLOSED_NUMBERS = "6", ("7", "8")


def update_numbers(raw: pl.DataFrame, columns: list[str]) -> pl.Series:
    """Return the update that each row stands for, null where no column counts updates in whole numbers."""
    for column in columns:
        if normalise_name(column) in _UPDATE_COUNTERS:
            text = raw[column].str.strip_chars().replace("", None)
            numbers = text.str.replace(r"\.0+$", "").str.replace_all(",", "").cast(pl.Int64, strict=False)
            if numbers.null_count() == text.null_count():
                return numbers.fill_null(0)
    return pl.Series([None] * raw.height, dtype=pl.Int64)


def update_times(times: pl.Series) -> pl.Series:
    """Return the time of each row's update in microseconds, 0 without; null where no row has any."""
    numbers = times.cast(pl.Int64)
    return numbers if numbers.null_count() == len(numbers) else numbers.fill_null(0)


def progress_numbers(frame: pl.DataFrame, mapping: ColumnMapping) -> pl.Series:
    """Return how far each row's ticket has come: 0 open, 1 resolved, 2 closed.

    Told by the state and by the times of resolving and closing; null where the file has none of them.
    """
    if not {"state", "resolved_at", "closed_at"} & mapping.columns.keys():
        return pl.Series([None] * frame.height, dtype=pl.Int64)
    plain = pl.col("state").str.to_lowercase().str.normalize("NFKD").str.replace_all("[\u0300-\u036f]", "")
    state = plain.str.replace_all("_", " ", literal=True).str.replace_all(_NOT_YET, "")
    resolved, closed = state.str.contains(_RESOLVED), state.str.contains(_CLOSED)
    if mapping.system == "servicenow":
        resolved |= pl.col("state").str.strip_chars() == _RESOLVED_NUMBER
        closed |= pl.col("state").str.strip_chars().is_in(_CLOSED_NUMBERS)
    resolved |= pl.col("resolved_at") != ""
    closed |= pl.col("closed_at") != ""
    progress = frame.select(pl.when(closed).then(2).when(resolved).then(1).otherwise(0)).to_series()
    return progress.cast(pl.Int64)
