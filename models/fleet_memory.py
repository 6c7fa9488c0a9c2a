"""What the second stage remembers beside the assets' own columns: of the fleet, and of what people said.

It is written and read as one piece of MessagePack, floats to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec
import numpy as np

from domain.arrays import FloatArray
from models.course_roughness import CourseRoughness
from models.day_tables import DayTables
from models.drift import DriftMemory
from models.life_book import LifeBook
from models.precision import PrecisionBook
from models.usual_scatter import UsualScatter

__all__ = ["FleetMemory"]

# Prior of how often damage begins on a watched asset, and what that prior is worth.
_ONSETS_PER_YEAR: Final = 0.1
_PRIOR_YEARS: Final = 30.0


@dataclass(slots=True, eq=False)
class FleetMemory:
    """What the second stage remembers beside the assets' own columns.

    Attributes
    ----------
    names : list of str
        Groups, in the order they were met.
    spread : float64[G]
        Variance of sound channels' deviations, in squared shares of the failure level.
    context : dict of int to float64[G, 4]
        For each day's end: common shock, spread, number of channels, and the group's usual squared uncertainty.
    alarms : int
        Condition alarms raised so far.
    watched_days : float
        Days of assets watched so far.
    drift : DriftMemory
        What like instruments said together.
    precision : PrecisionBook
        What people said of alarms.
    lives : LifeBook
        How lives ended that were stated.
    scatter : UsualScatter
        How far severities scatter where no alarm stands.
    roughness : CourseRoughness
        How far damages under way depart from a smooth course.
    warmth : dict of int to float64[1, 1]
        For each day's end the warmth that structures without a thermometer borrow, °C (`models.borrowed_weather`).
    """

    names: list[str] = field(default_factory=list)
    spread: FloatArray = field(default_factory=lambda: np.empty(0))
    context: dict[int, FloatArray] = field(default_factory=dict)
    alarms: int = 0
    watched_days: float = 0.0
    drift: DriftMemory = field(default_factory=DriftMemory)
    precision: PrecisionBook = field(default_factory=PrecisionBook)
    lives: LifeBook = field(default_factory=LifeBook)
    scatter: UsualScatter = field(default_factory=UsualScatter)
    roughness: CourseRoughness = field(default_factory=CourseRoughness)
    warmth: DayTables = field(default_factory=dict)

    @property
    def onsets_per_year(self) -> float:
        """How often an alarm is raised on a watched asset, by the prior and by what was seen."""
        years = self.watched_days / 365.25
        return (_ONSETS_PER_YEAR * _PRIOR_YEARS + self.alarms) / (_PRIOR_YEARS + years)

    def encode(self) -> bytes:
        """Write it as MessagePack; floats to the bit."""
        spread = self.spread.astype("<f8").tobytes()
        drift = (self.drift.names, _packed(self.drift.context))
        counts = (self.alarms, self.watched_days)
        people = (self.precision.encode(), self.lives.encode())
        by_day = (_packed(self.scatter.tables), _packed(self.roughness.tables), _packed(self.warmth))
        return msgspec.msgpack.encode((self.names, spread, _packed(self.context), *counts, drift, *people, by_day))

    @staticmethod
    def decode(data: bytes) -> FleetMemory:
        """Read what `encode` wrote.

        Raises
        ------
        msgspec.MsgspecError
            If it is something else.
        """
        tables = list[tuple[int, bytes]]
        by_day = tuple[tables, tables, tables]
        kind = tuple[list[str], bytes, tables, int, float, tuple[list[str], tables], bytes, bytes, by_day]
        names, spread, context, alarms, watched, (instruments, said), *people, days = msgspec.msgpack.decode(
            data, type=kind
        )
        drift = DriftMemory(instruments, _unpacked(said, 3))
        spreads = np.frombuffer(spread, "<f8").astype(np.float64)
        books = (PrecisionBook.decode(people[0]), LifeBook.decode(people[1]))
        scatter, roughness, warmth = days
        learnt = (UsualScatter(_unpacked(scatter, 2)), CourseRoughness(_unpacked(roughness, 2)))
        return FleetMemory(
            names, spreads, _unpacked(context, 4), alarms, watched, drift, *books, *learnt, _unpacked(warmth, 1)
        )

    def copy(self) -> FleetMemory:
        """Copy it, so that a plan that is not carried out changes nothing; tables are never written in place."""
        return replace(self, names=list(self.names), spread=self.spread.copy(), drift=self.drift.copy())


def _packed(context: Mapping[int, FloatArray]) -> list[tuple[int, bytes]]:
    return [(day, table.astype("<f8").tobytes()) for day, table in sorted(context.items())]


def _unpacked(context: Sequence[tuple[int, bytes]], columns: int) -> dict[int, FloatArray]:
    return {day: np.frombuffer(body, "<f8").astype(np.float64).reshape(-1, columns) for day, body in context}
