"""The promised rate of false alarms beside the achieved one, as texts."""

from __future__ import annotations

from api.figures import number
from api.languages import Language
from api.rooms import ApiRooms
from storage.overview_rows import FleetTally

__all__ = ["promise_texts", "promised_text"]


def promised_text(rooms: ApiRooms, language: Language) -> str:
    """Write how many false alarms a structure may raise a year."""
    return number(rooms.settings.false_alarms_per_year, language, decimals=2, minimum_decimals=1)


def promise_texts(rooms: ApiRooms, tally: FleetTally, language: Language) -> dict[str, str]:
    """Write what was promised, what came of it, and between what the true rate lies; empty where nothing is known."""
    rate = tally.false_alarm_rate
    achieved, low, high = ("", "", "") if rate is None else (number(end, language, decimals=2) for end in rate)
    return {
        "promised": promised_text(rooms, language),
        "achieved": achieved,
        "achieved_low": low,
        "achieved_high": high,
        "asset_years": number(tally.asset_years, language, decimals=1),
    }
