"""One way to turn a template into a page that needs no network."""

from pathlib import Path
from typing import Any

from ticketkin.reports.formatting import format_name, format_seconds, format_share

# By this a copy for sharing is known, so that nothing else is taken for one and replaced.
SHARED_MARK = '<meta name="generator" content="Ticketkin, shared copy">'
_TEMPLATES = Path(__file__).parent / "templates"


def render_page(template: str, **values: Any) -> str:
    """Return the page as HTML text; every value is escaped by jinja2's autoescape."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["name"] = format_name
    environment.filters["share"] = format_share
    environment.filters["seconds"] = format_seconds
    css = (_TEMPLATES / "report.css").read_text("utf-8")
    return environment.get_template(template).render(css=css, shared_mark=SHARED_MARK, **values)
