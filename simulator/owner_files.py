"""What the owner of the simulated assets hands over, and the truth that nobody in reality has.

`write_register` writes assets.csv, sensors.csv and works.csv as a municipality would (design.md, section
6). `write_truth` writes truth.csv and events.csv, with which an evaluation grades what was said. All times
are ISO 8601, UTC; files appear whole or not at all.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from simulator.damage import severity
from simulator.scenario import DAY_NS, Damage, Scenario
from simulator.structures import KINDS, build_structure

__all__ = ["write_register", "write_truth", "write_whole"]

# The owner's words for what the simulator calls otherwise.
_WORKS_KIND: Final = {
    "diversion": "diversion",
    "resurfacing": "resurfacing",
    "sensor_swap": "sensor swap",
    "works": "works nearby",
}

_ASSET_COLUMNS: Final = (
    "id", "name", "type", "lat", "lon", "built_year", "planned_repair_cost_eur", "emergency_repair_cost_eur",
    "closure_hours", "closure_cost_eur_per_hour", "crew_lead_days", "condition_inspected", "inspected_on",
    "beheerobject",
)  # fmt: skip
_SENSOR_COLUMNS: Final = (
    "asset", "sensor", "channel", "unit", "axis", "gateway", "position", "interval_s", "role", "direction",
    "failure_threshold",
)  # fmt: skip

_OWN_EVENTS_COLUMNS: Final = ("asset", "kind", "start", "end", "mode", "component", "sensor", "announced")


def write_register(scenario: Scenario, folder: Path) -> None:
    """Write assets.csv, sensors.csv and works.csv into a folder, which is made when it is not there.

    The emergency repair cost stays empty, so that the default (three times the planned one) is used, and
    `beheerobject` is an identifier of the owner's own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "assets.csv", _ASSET_COLUMNS, _asset_rows(scenario))
    _write(folder / "sensors.csv", _SENSOR_COLUMNS, _sensor_rows(scenario))
    works = [
        (event.asset, _WORKS_KIND[event.kind], event.sensor, *_span(scenario, event.start_day, event.days))
        for event in scenario.events
        if event.announced
    ]
    _write(folder / "works.csv", ("asset", "kind", "sensor", "start", "end"), sorted(works))


def write_truth(scenario: Scenario, folder: Path) -> None:
    """Write truth.csv and events.csv into a folder, which is made when it is not there.

    truth.csv: `asset, mode, component, onset, failure_time, severity_at_end, projected_failure_time`. The
    severity is that at the end of the history; `failure_time` is empty when failure lies beyond it, and the
    last column says when it would come. events.csv: every harmless event and sensor fault with
    `asset, kind, sensor, start, end, announced`; an empty asset means the whole site. own-events.csv: both in the
    form in which an owner writes down what happened, for `schouw evaluate --history`; damages that fail later are
    `damage` in it, since nobody would know more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    truth = [_truth_row(scenario, damage) for damage in scenario.damage]
    _write(
        folder / "truth.csv",
        ("asset", "mode", "component", "onset", "failure_time", "severity_at_end", "projected_failure_time"),
        truth,
    )
    events = [
        (event.asset, event.kind, event.sensor, *_span(scenario, event.start_day, event.days), _yes(event.announced))
        for event in scenario.events
    ]
    events += [
        (fault.asset, fault.kind, fault.sensor, *_span(scenario, fault.start_day, fault.days), _yes(announced=False))
        for fault in scenario.sensor_faults
    ]
    _write(folder / "events.csv", ("asset", "kind", "sensor", "start", "end", "announced"), events)
    _write(folder / "own-events.csv", _OWN_EVENTS_COLUMNS, _own_events(scenario, events))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a kill, never meets half of it."""
    draft = path.with_name(path.name + ".new")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        # On a full disk half a draft would keep what little there is.
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def _asset_rows(scenario: Scenario) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for number, plan in enumerate(scenario.assets, start=1):
        inspected_ns = scenario.start_ns - plan.inspected_days_before * DAY_NS
        rows.append(
            (
                plan.id,
                plan.name,
                KINDS[plan.kind].type.value,
                plan.lat,
                plan.lon,
                plan.built_year,
                f"{plan.planned_repair_cost_eur:.0f}",
                "",
                f"{plan.closure_hours:g}",
                f"{plan.closure_cost_eur_per_hour:g}",
                f"{plan.crew_lead_days:g}",
                plan.condition_inspected or "",
                _day(inspected_ns) if plan.condition_inspected else "",
                f"OBJ {number:05d}/{KINDS[plan.kind].type.value[0].upper()}",
            )
        )
    return rows


def _sensor_rows(scenario: Scenario) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for plan in scenario.assets:
        for sensor in build_structure(scenario.seed, plan).sensors:
            for channel in sensor.channels:
                quantity, _, axis = channel.name.partition(".")
                threshold = "" if channel.failure_threshold is None else f"{channel.failure_threshold:g}"
                rows.append(
                    (
                        plan.id,
                        sensor.id,
                        quantity,
                        channel.unit,
                        axis,
                        plan.gateway,
                        sensor.position,
                        sensor.interval_s,
                        channel.role,
                        channel.direction,
                        threshold,
                    )
                )
    return rows


def _truth_row(scenario: Scenario, damage: Damage) -> tuple[object, ...]:
    at_end = float(severity(damage, np.array([float(scenario.days)]))[0])
    projected = _moment(scenario, damage.failure_day)
    failed = damage.failure_day <= scenario.days
    return (
        damage.asset,
        damage.mode,
        damage.component,
        _moment(scenario, damage.onset_day),
        projected if failed else "",
        f"{at_end:.4f}",
        projected,
    )


def _own_events(scenario: Scenario, events: Sequence[Sequence[object]]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [
        (
            damage.asset,
            "failure" if damage.failure_day <= scenario.days else "damage",
            _moment(scenario, damage.onset_day),
            _moment(scenario, damage.failure_day) if damage.failure_day <= scenario.days else "",
            damage.mode,
            damage.component,
            "",
            "",
        )
        for damage in scenario.damage
    ]
    return rows + [(asset, kind, start, end, "", "", sensor, said) for asset, kind, sensor, start, end, said in events]


def _span(scenario: Scenario, start_day: float, days: float) -> tuple[str, str]:
    return _moment(scenario, start_day), _moment(scenario, start_day + days)


def _moment(scenario: Scenario, day: float) -> str:
    """ISO 8601 of a day of the scenario, to the second."""
    seconds = scenario.start_ns // 10**9 + round(day * 86_400)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 10**9, UTC).date().isoformat()


def _yes(announced: bool) -> str:  # noqa: FBT001 -- it is what is written
    return "true" if announced else "false"


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write one CSV file: comma, quotes where needed, LF."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())
