"""The scoreboard as one HTML file that needs nothing beside it."""

from __future__ import annotations

from importlib import resources

import jinja2

from service.evaluation.charts import CHARTS, draw
from service.evaluation.report_table import FIGURES
from service.evaluation.scoreboard import Scoreboard

__all__ = ["html_report"]


def html_report(board: Scoreboard) -> str:
    """Write the report: plots as SVG, all figures, and the cases behind them."""
    source = (resources.files("service") / "evaluation" / "report.html").read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(source)
    rows = [(label, [cell(score) for score in board.detectors]) for label, cell in FIGURES]
    return template.render(board=board, charts=[draw(chart(board)) for chart in CHARTS], rows=rows)
