"""The plots of the report: Vega-Lite specifications, turned into SVG without a browser or a network."""

from __future__ import annotations

from typing import Any, Final

import vl_convert

from service.evaluation.scoreboard import DetectorScore, Scoreboard

__all__ = ["CHARTS", "draw"]

_WIDTH: Final = 420
_HEIGHT: Final = 240
_OURS: Final = "#0b5cad"
_CONFIG: Final = {
    "background": "white",
    "font": "sans-serif",
    # Room for names: they are wider on a machine with other fonts than where the plot was made.
    "padding": {"left": 60, "top": 5, "right": 10, "bottom": 5},
    "axis": {"grid": True, "gridColor": "#e5e5e5", "labelLimit": 260},
    "view": {"stroke": None},
}


def draw(spec: dict[str, Any]) -> str:
    """Turn one specification into an SVG element."""
    svg: str = vl_convert.vegalite_to_svg(spec | {"config": _CONFIG})
    return svg


def _chart(title: str, values: list[dict[str, Any]], **layers: Any) -> dict[str, Any]:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": title,
        "width": _WIDTH,
        "height": _HEIGHT,
        "data": {"values": values},
    } | layers


def found_against_false(board: Scoreboard) -> dict[str, Any]:
    """Plot what each detector finds against what it costs in false alarms, with both intervals."""
    values = []
    for score in board.detectors:
        false, found = score.alarms.false_per_year, score.alarms.found
        if false.value is None or found.value is None:
            continue
        values.append(
            {
                "detector": score.detector,
                "false": max(false.value, 0.01),
                "false_low": max(false.low or 0.0, 0.01),
                "false_high": max(false.high or 0.0, 0.01),
                "found": found.value,
                "found_low": found.low,
                "found_high": found.high,
            }
        )
    x = {
        "field": "false",
        "type": "quantitative",
        "scale": {"type": "log", "domain": [0.01, 400]},
        "title": "false alarms per healthy asset-year (0.01 stands for fewer)",
    }
    y = {"field": "found", "type": "quantitative", "scale": {"domain": [0, 1]}, "title": "share of failures found"}
    colour = {"field": "detector", "type": "nominal", "title": None, "legend": {"orient": "bottom"}}
    wide = {"x": {**x, "field": "false_low"}, "x2": {"field": "false_high"}, "y": y, "color": colour}
    high = {"x": x, "y": {**y, "field": "found_low"}, "y2": {"field": "found_high"}, "color": colour}
    promise = {
        "data": {"values": [{"promise": board.promise_per_year}]},
        "mark": {"type": "rule", "strokeDash": [5, 4]},
        "encoding": {"x": {**x, "field": "promise"}},
    }
    points = {"mark": {"type": "point", "filled": True, "size": 90}, "encoding": {"x": x, "y": y, "color": colour}}
    return _chart(
        "Found against false; the dashed line is the promise",
        values,
        layer=[promise, {"mark": "rule", "encoding": wide}, {"mark": "rule", "encoding": high}, points],
    )


def reliability(board: Scoreboard) -> dict[str, Any]:
    """Plot how often failure came where a chance was stated."""
    values = [
        {"stated": each.stated, "happened": each.happened, "days": each.days}
        for each in board.detectors[0].forecast.reliability
    ]
    unit = {"type": "quantitative", "scale": {"domain": [0, 1]}}
    diagonal = {
        "data": {"values": [{"stated": 0, "happened": 0}, {"stated": 1, "happened": 1}]},
        "mark": {"type": "line", "strokeDash": [5, 4], "color": "#888"},
        "encoding": {"x": {**unit, "field": "stated"}, "y": {**unit, "field": "happened"}},
    }
    encoding = {
        "x": {**unit, "field": "stated", "title": "stated chance of failure within 90 days"},
        "y": {**unit, "field": "happened", "title": "share that failed"},
    }
    points = {
        "mark": {"type": "point", "filled": True, "color": _OURS},
        "encoding": {**encoding, "size": {"field": "days", "type": "quantitative", "title": "days"}},
    }
    line = {"mark": {"type": "line", "color": _OURS}, "encoding": encoding}
    return _chart("Calibration of the 90-day chance", values, layer=[diagonal, line, points])


def leads(board: Scoreboard) -> dict[str, Any]:
    """Plot when each failure was announced, against how long it took to grow."""
    values = [
        {"growth": case.growth_days, "lead": case.lead_days or 0.0, "found": "found" if case.alarm else "missed"}
        for case in board.details.failures
        if case.failed_in_run
    ]
    encoding = {
        "x": {"field": "growth", "type": "quantitative", "title": "days from onset to failure"},
        "y": {"field": "lead", "type": "quantitative", "title": "days of warning"},
        "color": {
            "field": "found",
            "type": "nominal",
            "title": None,
            "scale": {"domain": ["found", "missed"], "range": [_OURS, "#c0392b"]},
            "legend": {"orient": "bottom"},
        },
    }
    return _chart("Warning before each failure", values, mark={"type": "point", "filled": True}, encoding=encoding)


def remaining_life(board: Scoreboard) -> dict[str, Any]:
    """Plot the stated remaining life against the true one."""
    values = [
        {
            "left": (point.low_days + point.high_days) / 2.0,
            "low": point.stated_low,
            "middle": point.stated_middle,
            "high": point.stated_high,
        }
        for point in board.details.life_points
    ]
    top = 800.0
    x = {"field": "left", "type": "quantitative", "title": "days really left"}
    y = {
        "type": "quantitative",
        "scale": {"domain": [0, top], "clamp": True},
        "title": "stated days left (median of 10, 50 and 90 %)",
    }
    band = {
        "mark": {"type": "area", "opacity": 0.25, "color": _OURS},
        "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
    }
    middle = {"x": x, "y": {**y, "field": "middle"}}
    line = {"mark": {"type": "line", "color": _OURS, "point": True}, "encoding": middle}
    right = {
        "data": {"values": [{"left": 0, "middle": 0}, {"left": 335, "middle": 335}]},
        "mark": {"type": "line", "strokeDash": [5, 4], "color": "#888"},
        "encoding": middle,
    }
    return _chart("Remaining life of damaged assets", values, layer=[band, line, right])


def false_causes(board: Scoreboard) -> dict[str, Any]:
    """Plot what went on when false alarms were raised."""
    values = [{"cause": cause, "alarms": count} for cause, count in board.detectors[0].alarms.false_causes.items()]
    encoding = {
        "y": {"field": "cause", "type": "nominal", "sort": "-x", "title": None},
        "x": {"field": "alarms", "type": "quantitative", "title": "false alarms"},
    }
    return _chart("False alarms by cause", values, mark={"type": "bar", "color": _OURS}, encoding=encoding)


def money(board: Scoreboard) -> dict[str, Any]:
    """Plot what each way of working costs."""
    ours: DetectorScore = board.detectors[0]
    values = [
        {"way": "run to failure", "cost": ours.money.run_to_failure_eur},
        {"way": "best fixed interval", "cost": ours.money.fixed_interval_eur},
        *({"way": f"alarms of {score.detector}", "cost": score.money.with_alarms_eur} for score in board.detectors[:2]),
        {"way": "perfect warning", "cost": ours.money.perfect_eur},
    ]
    encoding = {
        "y": {"field": "way", "type": "nominal", "sort": None, "title": None},
        "x": {"field": "cost", "type": "quantitative", "title": "euros over all runs", "axis": {"format": "~s"}},
    }
    return _chart("Cost of the same failures", values, mark={"type": "bar", "color": _OURS}, encoding=encoding)


CHARTS: Final = (found_against_false, reliability, leads, remaining_life, false_causes, money)
