"""How figures look, and how they become SVG inside the page and PNG beside it.

Figures are built with `matplotlib.figure.Figure` alone: no pyplot, no global state, no display.
Their colours are those of Okabe and Ito (2008), which colour-blind readers can tell apart; dashes and
markers repeat what colour says. Inside the page each colour becomes a CSS variable, so that a dark
page gets readable figures.
"""

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ticketkin.training.candidates import CANDIDATES, Color, LineStyle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2a37"
FAINT = "#8a94a3"
GRID = "#dde2e9"
BLUE, ORANGE, GREEN, PURPLE, GREY = Color.BLUE, Color.ORANGE, Color.GREEN, Color.PURPLE, Color.GREY
_VARIABLES: dict[str, str] = {
    INK: "ink",
    FAINT: "faint",
    GRID: "grid",
    **{color: color.name.lower() for color in Color},
}

# What matplotlib draws with, and where a reference may lead: into the figure, or to a picture within it.
_DRAWING_TAGS = {
    "svg", "g", "defs", "style", "path", "use", "rect", "clipPath", "pattern", "text", "tspan", "image",
}  # fmt: skip
_OWN_REFERENCES = ("#", "data:image/png;base64,")

SIZE_INCHES = (5.2, 3.5)
_PNG_DOTS_PER_INCH = 160

# For what is no candidate, such as models that are compared.
_OTHER_STYLES = (LineStyle(BLUE, "-", "v"), LineStyle(GREEN, "-.", "^"), LineStyle(PURPLE, "--", "D"))


@dataclass(frozen=True)
class ReportFigure:
    """One figure of the report, with the words that go with it."""

    name: str
    """File name without ending."""
    title: str
    explanation: str
    """What a newcomer should see in it, in one sentence."""
    alt: str
    """What it shows, for those who can't see it."""
    figure: "Figure"
    names_tickets: bool = False
    """Whether tickets are named in it, so that a copy for others needs one of its own."""


def candidate_style(name: str, position: int = 0) -> LineStyle:
    """Return colour, line style and marker of a candidate; of what is none, by its position in the figure."""
    return CANDIDATES[name].style if name in CANDIDATES else _OTHER_STYLES[position % len(_OTHER_STYLES)]


def new_axes(xlabel: str, ylabel: str, rows: int = 1) -> tuple["Figure", list["Axes"]]:
    """Return a transparent figure with `rows` plain axes that share x; the lowest has the x label."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    figure.patch.set_alpha(0)
    grid = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0].tolist()
    for axes in grid:
        axes.patch.set_alpha(0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(FAINT)
        axes.tick_params(colors=INK, labelsize=11, color=FAINT)
        axes.grid(color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_ylabel(ylabel, color=INK, fontsize=11.5)
    grid[-1].set_xlabel(xlabel, color=INK, fontsize=11.5)
    return figure, grid


def add_legend(axes: "Axes", **where: Any) -> None:
    """Add a legend without a frame, in the page's ink."""
    axes.legend(**{"frameon": False, "labelcolor": INK, "fontsize": 10.5, **where})


def _lay_out(figure: "Figure") -> None:
    """Place all parts of a figure once: else each way of writing it draws it twice more to do so."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)


def inline_svg(shown: ReportFigure) -> str:
    """Return the figure as an SVG element: scalable, named for screen readers, ids unique in a page.

    Ids are renumbered because matplotlib draws them at random: the same figure gives the same text.
    """
    _lay_out(shown.figure)
    stream = io.StringIO()
    shown.figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None})
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    numbers: dict[str, str] = {}
    for old in re.findall(r'\bid="([^"]+)"', svg):
        numbers.setdefault(old, f"{shown.name}-{len(numbers)}")
    svg = re.sub(r'\bid="([^"]+)"', lambda match: f'id="{numbers[match[1]]}"', svg)
    svg = re.sub(r'(href="#|url\(#)([^")]+)', lambda match: match[1] + numbers[match[2]], svg)
    for color, variable in _VARIABLES.items():
        svg = svg.replace(color, f"var(--{variable})")
    # The namespaces of inline SVG are implied in HTML; without them the page names no web address.
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg).replace("xlink:href", "href")
    size = re.match(r'<svg[^>]*?viewBox="([^"]+)"', svg)
    view_box = size[1] if size else "0 0 374 252"
    head = f'<svg viewBox="{view_box}" role="img" aria-labelledby="{shown.name}-alt" class="figure">'
    return re.sub(r"<svg[^>]*>", head, svg, count=1)


def is_drawing(svg: str) -> bool:
    """Return whether an SVG element draws and does nothing else: no script, no event, nothing from elsewhere.

    A page takes it over as it is, so one that is read from a file is looked at first.
    """
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        elements = list(fromstring(svg).iter())
    except (ParseError, ValueError):  # ValueError: entities and the like, which defusedxml refuses
        return False
    return all(
        element.tag in _DRAWING_TAGS
        and all(not name.startswith("on") for name in element.attrib)
        and element.get("href", "#").startswith(_OWN_REFERENCES)
        for element in elements
    )


def save_png(shown: ReportFigure, folder: Path) -> Path:
    """Write the figure on white as `folder/<name>.png` and return the path."""
    path = folder / f"{shown.name}.png"
    # In the page the figure is see-through; a picture on its own must be readable on any ground.
    _lay_out(shown.figure)
    shown.figure.patch.set_alpha(1)
    shown.figure.savefig(path, format="png", dpi=_PNG_DOTS_PER_INCH, facecolor="white")
    shown.figure.patch.set_alpha(0)
    return path
