"""Figures of reports, each drawn once a process: drawing them takes a third of a small run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ticketkin.reports import drawing, html, page_figures
from ticketkin.reports.drawing import ReportFigure


@contextmanager
def figures_drawn_once() -> Iterator[None]:
    """Give a figure that was drawn in this process again where another run has one of its name.

    Each figure is still made from the values of its own run; only its SVG and PNG are of the first.
    """
    svgs: dict[tuple[str, bool], str] = {}
    pngs: dict[tuple[str, bool], bytes] = {}

    def inline_svg(shown: ReportFigure) -> str:
        own = shown.name, shown.names_tickets
        if own not in svgs:
            svgs[own] = drawing.inline_svg(shown)
        return svgs[own]

    def save_png(shown: ReportFigure, folder: Path) -> Path:
        own = shown.name, shown.names_tickets
        if own not in pngs:
            pngs[own] = drawing.save_png(shown, folder).read_bytes()
        path = folder / f"{shown.name}.png"
        path.write_bytes(pngs[own])
        return path

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_figures, "inline_svg", inline_svg)
        patch.setattr(html, "save_png", save_png)
        yield


@contextmanager
def figures_drawn_anew() -> Iterator[None]:
    """Draw every figure, also within `figures_drawn_once`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_figures, "inline_svg", drawing.inline_svg)
        patch.setattr(html, "save_png", drawing.save_png)
        yield
