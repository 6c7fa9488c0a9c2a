"""The drivers: what explains measurements without being damage, each in a unit of its own."""

from __future__ import annotations

from typing import Final

__all__ = ["AIR", "DECK", "DRIVERS", "HUMIDITY", "LOAD", "PACE", "WEATHER"]

# Each takes the mean of the channels that carry it. A surface in the sun and the base beneath it have no mean that
# means anything, so only those of one kind carry a driver (`models.environment`).
DRIVERS: Final[tuple[str, ...]] = ("air", "deck", "humidity", "load", "pace", "wind", "rain")
# Places of those that more than one module asks for.
AIR, DECK, HUMIDITY, LOAD, PACE = (DRIVERS.index(name) for name in ("air", "deck", "humidity", "load", "pace"))
# Those that are weather where they lie: near structures share it, and what an instrument shows of it has its limits.
WEATHER: Final = (AIR, DECK, HUMIDITY)
