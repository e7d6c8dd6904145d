"""What to know of the data before a run's numbers are relied on: a code and a message each."""

from ticketkin.core.tables import Origin
from ticketkin.core.wording import number_of, percent
from ticketkin.encoders.learned_tickets import LearnedByBase
from ticketkin.evaluation.schema import Warning
from ticketkin.tickets.account import ImportSummary
from ticketkin.tickets.profiling import TicketProfile
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.link_summary import CONTRADICTED, LinkSummary
from ticketkin.workflows.settings import Settings


def warnings_of_run(
    job: Job, imported: ImportSummary, profile: TicketProfile, links: LinkSummary
) -> list[Warning]:
    """Return the warnings on tickets, links, review and what an encoder read."""
    return [
        *_data_warnings(imported, profile),
        *_times_warning(job, profile),
        *_links_warning(links),
        *_review_warning(links),
        *_pooled_warning(links),
        *_adapted_warning(job.settings),
    ]


def base_warning(base_learned: LearnedByBase) -> list[Warning]:
    """Say that the baseline was tuned before, where it was."""
    sentence = base_learned.sentence
    return [Warning(code="base_was_tuned", message=sentence)] if sentence else []


def _data_warnings(imported: ImportSummary, profile: TicketProfile) -> list[Warning]:
    warnings = []
    if profile.share_cut > 0.25:
        warnings.append(
            Warning(
                code="texts_cut",
                message=f"{percent(profile.share_cut)} of the texts are longer than the "
                f"{profile.limit_tokens} tokens the model reads; what stands late is not seen",
            )
        )
    if imported.n_rejected:
        warnings.append(
            Warning(
                code="rejected_rows",
                message=f"{number_of(imported.n_rejected, 'row')} could not be used; see rejected.csv",
            )
        )
    return warnings


def _times_warning(job: Job, profile: TicketProfile) -> list[Warning]:
    """Say that later tickets count as candidates; a file of pairs has no column of times to map."""
    if not profile.n_without_time:
        return []
    message = (
        f"{number_of(profile.n_without_time, 'ticket has', 'tickets have')} no opening time, so every other "
        "ticket counts as a candidate, later ones too"
    )
    if job.pairs_file is None:
        message += "; map the column with --map opened_at=COLUMN"
    return [Warning(code="no_opening_times", message=message)]


def _links_warning(links: LinkSummary) -> list[Warning]:
    """Say how many links are not used for their kinds; the kinds themselves stand beside the links."""
    n_left_out = sum(kind.n_links for kind in links.left_out_kinds)
    if not n_left_out:
        return []
    message = (
        f"{n_left_out:,} of {number_of(links.n_read, 'link')} read are left out for their kinds; links.json "
        "lists them, each with the option that makes links of it"
    )
    return [Warning(code="links_left_out", message=message)]


def _review_warning(links: LinkSummary) -> list[Warning]:
    """Name the judged pairs that links join all the same."""
    named = links.review_contradictions
    if not named:
        return []
    more = links.review[CONTRADICTED] - 1
    others = (
        f"; {number_of(more, 'more judged pair is', 'more judged pairs are')} contradicted so" if more else ""
    )
    message = (
        f"{named[0]}{others}. Kin groups follow the links: correct them, or the review; links.json lists them"
    )
    return [Warning(code="review_contradicted", message=message)]


def _pooled_warning(links: LinkSummary) -> list[Warning]:
    """Say that most links were found by the rankings that they judge, where it is so."""
    n_reviewed = links.by_origin.get(Origin.REVIEW.value, 0)
    if links.labels_from == "silver" or 2 * n_reviewed <= links.n_links:
        return []
    message = (
        f"{n_reviewed:,} of {number_of(links.n_links, 'link')} were judged among pairs that the rankings "
        "themselves put at the top. All of them look better on such links than on tickets at large, and "
        "differences between them look smaller; links that agents made in their work judge more surely"
    )
    return [Warning(code="links_from_review", message=message)]


def _adapted_warning(settings: Settings) -> list[Warning]:
    """Say that held-out texts were read, where they were: no label was, but a later ticket's would be new."""
    if "adapted" not in settings.candidates or settings.adapted.texts != "all":
        return []
    message = (
        "the adapted encoder read the texts of all tickets, held-out ones too, without any label; tomorrow's "
        "tickets will be new to it. --set adapted.texts=train leaves them out"
    )
    return [Warning(code="adapted_read_all_texts", message=message)]
