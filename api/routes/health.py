"""For operators: is it alive, is it ready, what does it count. Not part of the versioned interface."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.access import needs, rooms_of
from api.answers import readiness_answer
from api.conditional import json_response
from api.questions import Rooms
from api.schemas_service import Live
from domain.access import Right

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/livez")
def show_live() -> Response:
    """Say that the process answers; asks no other part."""
    return json_response(Live(live=True))


@router.get("/readyz")
def show_ready(request: Request) -> Response:
    """Say in words how each part is doing; 503 while the service cannot do its work. Watchdogs have no key."""
    readiness = rooms_of(request).readiness()
    return json_response(readiness_answer(readiness), status=200 if readiness.ready else 503)


@router.get("/metrics", dependencies=[needs(Right.READ_METRICS)])
def show_metrics(rooms: Rooms) -> Response:
    """Give telemetry in the Prometheus text format."""
    return Response(rooms.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")
