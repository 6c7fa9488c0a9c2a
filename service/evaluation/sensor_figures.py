"""Whether faulty sensors were named, and sound ones left alone.

Everything but a condition alarm is about instruments, messages or clocks. A fault is seen when one of these is
raised on its sensor (or on the whole asset or gateway) while it lasts or within the week after, and named when
the alarm's kind says what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from domain.figures import Figure
from service.evaluation.intervals import nothing, rate, share
from service.evaluation.modes import fault_is_named_by
from service.evaluation.truth import DAY_NS, YEAR_DAYS, Case, RaisedAlarm, TrueEvent

__all__ = ["SensorFigures", "grade_sensors"]

_AFTER_NS: Final = 7 * DAY_NS


class SensorFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The sensor part of a scoreboard.

    Attributes
    ----------
    seen, named : Figure
        Shares of all faults while the run lasted.
    by_kind : dict of str to [int, int, int]
        Named, seen and all faults of each kind.
    delay_days : Figure
        Median from the beginning to the first alarm about it, with the middle 80 %.
    false_per_sensor_year : Figure
        Alarms about sensors without a fault, per sensor and year.
    """

    seen: Figure
    named: Figure
    by_kind: dict[str, tuple[int, int, int]]
    delay_days: Figure
    false_per_sensor_year: Figure


def grade_sensors(cases: Sequence[Case]) -> SensorFigures:
    """Compare the alarms about sensors with the faults there were."""
    counts: dict[str, list[int]] = {}
    delays: list[float] = []
    false, sensor_years = 0, 0.0
    for case in cases:
        truth = case.truth
        alarms = sorted(
            (alarm for alarm in case.record.alarms if not alarm.is_condition), key=lambda alarm: alarm.raised_ns
        )
        faults = truth.sensor_faults
        for fault in faults:
            about = [alarm for alarm in alarms if _is_about(alarm, fault)]
            row = counts.setdefault(fault.kind, [0, 0, 0])
            row[0] += any(fault_is_named_by(fault.kind, alarm.kind) for alarm in about)
            row[1] += bool(about)
            row[2] += 1
            delays += [(about[0].raised_ns - fault.start_ns) / DAY_NS] if about else []
        false += sum(not any(_is_about(alarm, fault) for fault in faults) for alarm in alarms)
        sensors = sum(asset.sensors for asset in truth.assets)
        sensor_years += sensors * (truth.end_ns - truth.start_ns) / DAY_NS / YEAR_DAYS
    total = np.array([*counts.values(), [0, 0, 0]]).sum(axis=0).tolist()
    spread = np.quantile(np.array(delays), [0.1, 0.5, 0.9]).tolist() if delays else None
    return SensorFigures(
        seen=share(total[1], total[2]),
        named=share(total[0], total[2]),
        by_kind={kind: (row[0], row[1], row[2]) for kind, row in sorted(counts.items())},
        delay_days=Figure(spread[1], spread[0], spread[2], len(delays)) if spread else nothing(),
        false_per_sensor_year=rate(false, sensor_years),
    )


def _is_about(alarm: RaisedAlarm, fault: TrueEvent) -> bool:
    """Tell whether an alarm can be meant for a fault."""
    in_time = fault.start_ns <= alarm.raised_ns <= fault.end_ns + _AFTER_NS
    sensor = alarm.subject.partition("/")[0]
    return in_time and alarm.asset == fault.asset and sensor in {"", fault.sensor}
