"""The pages a planner reads: rendered on the server, with an address for every state, and usable without scripts."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from api.pages import asset, morning, static

__all__ = ["PARTS"]

PARTS: Final[tuple[APIRouter, ...]] = (morning.router, asset.router, static.router)
