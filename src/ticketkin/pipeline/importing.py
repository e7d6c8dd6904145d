"""Import alone: one parquet file, for other tools or a look at the mapping."""

from pathlib import Path
from typing import Any

from ticketkin.core.progress import SILENT, Progress
from ticketkin.pipeline.configuration import Job
from ticketkin.pipeline.run_data import save_csv, save_parquet
from ticketkin.tickets.importing import import_tickets


def import_to_file(job: Job, out: Path, progress: Progress = SILENT) -> dict[str, Any]:
    """Write the cleaned tickets to `out` and the rejected rows beside it; returns the summary."""
    result = import_tickets(job.sources, job.settings.tickets, progress)
    save_parquet(out, result.tickets.frame)
    save_csv(out.with_name(f"{out.stem}.rejected.csv"), result.rejected)
    return result.summary.to_json()
