"""Answers of a review file: how a run takes them over, and how a person hands them in."""

import shlex
from pathlib import Path

from ticketkin.core.progress import Progress
from ticketkin.core.run_ownership import owning_run
from ticketkin.core.wording import number_of
from ticketkin.tickets.reviewed import joined_reviews, read_reviewed
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job


def take_over_answers(job: Job, folder: Path, progress: Progress) -> Job:
    """Return the job with its review in a file of the run in `folder` that no stage writes.

    A review that lies in a run, such as to_review.csv, would be replaced by that run's next pairs. Its
    answers are added to those taken over before; a later answer on a pair wins. Any other file stays where it
    is and is read there. Raises InputError where the file can't be read as a review.
    """
    path, own = job.reviewed_file, folder.resolve() / artifact.REVIEWED
    if path is None or path.resolve() == own:
        return job
    if not path.exists() and own.exists():  # the run folder was moved together with its answers
        return job.model_copy(update={"reviewed_file": own})
    if owning_run(path) is None:
        return job
    tickets = folder / artifact.TICKETS
    if tickets.exists():  # errors name rows of the file that the person knows
        read_reviewed(path, artifact.TICKETS.read(tickets))
    artifact.REVIEWED.write(own, joined_reviews([own, path] if own.exists() else [path]))
    progress.say(f"the answers in {path.name} were added to {folder / artifact.REVIEWED}")
    return job.model_copy(update={"reviewed_file": own})


def how_to_judge(folder: Path) -> str | None:
    """Return which pairs to judge and the command that takes the answers back; None where there are none."""
    path = folder / artifact.TO_REVIEW_SUMMARY
    n_pairs = artifact.TO_REVIEW_SUMMARY.read(path).n_pairs if path.exists() else 0
    if not n_pairs:
        return None
    run, pairs = shlex.quote(str(folder)), shlex.quote(str(folder / artifact.TO_REVIEW))
    return (
        f"To find out more, judge the {number_of(n_pairs, 'pair')} in {pairs} (column kind), then: "
        f"ticketkin run {run} --reviewed {pairs}"
    )
