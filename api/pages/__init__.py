"""The pages a planner reads: rendered on the server, with an address for every state, and usable without scripts."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from api.pages import (
    about,
    alarms,
    asset,
    chart,
    deciding,
    live,
    matrix,
    morning,
    onboard,
    places,
    report,
    sensors,
    static,
    work,
)

__all__ = ["PARTS"]

PARTS: Final[tuple[APIRouter, ...]] = (
    morning.router,
    places.router,
    matrix.router,
    report.router,
    asset.router,
    chart.router,
    alarms.router,
    deciding.router,
    work.router,
    onboard.router,
    sensors.router,
    about.router,
    live.router,
    static.router,
)
