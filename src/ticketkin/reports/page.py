"""One way to turn a template into a page that needs no network."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ticketkin.core.wording import number_of, percent
from ticketkin.reports.formatting import format_name, format_seconds, format_share

if TYPE_CHECKING:
    from jinja2 import Environment

# By this a copy for sharing is known, so that nothing else is taken for one and replaced.
SHARED_MARK = '<meta name="generator" content="Ticketkin, shared copy">'
_TEMPLATES = Path(__file__).parent / "templates"


def render_page(template: str, **values: Any) -> str:
    """Return the page as HTML text; every value is escaped by jinja2's autoescape."""
    script = (_TEMPLATES / "page.js").read_text("utf-8")
    return (
        _environment()
        .get_template(template)
        .render(
            css=(_TEMPLATES / "report.css").read_text("utf-8"),
            script=script,
            policy=_policy(script),
            shared_mark=SHARED_MARK,
            **values,
        )
    )


@cache
def _environment() -> "Environment":
    """Return what compiles templates, each once: one takes longer to compile than to fill."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number_of"] = number_of
    environment.filters["percent"] = percent
    environment.filters["name"] = format_name
    environment.filters["share"] = format_share
    environment.filters["seconds"] = format_seconds
    return environment


def _policy(script: str) -> str:
    """Return the content security policy: nothing is loaded, and no script runs but `script`."""
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
