"""The HTTP application: routes, pages and the edge around them, put together from what the service hands in.

Routes are plain functions, run in a pool of threads, because the stores behind them are synchronous.
Nothing here reads a clock, an environment variable or a file outside this room.
"""

from __future__ import annotations

import functools
import json
import secrets
from typing import Final
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.middleware.sessions import SessionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api import pages
from api.access import LoginNeededError
from api.audit import make_audit
from api.edge import API_VERSION, Edge
from api.languages import Language
from api.openapi import make_document, operation_id
from api.pages.problem import add_page_handlers, answer_problem
from api.problems import add_problem_handlers
from api.repeats import Repeats
from api.rooms import ApiRooms, ApiSettings, PartState, Readiness
from api.routes import (
    alarms,
    algorithm,
    assets,
    calibration,
    decisions,
    event_decisions,
    events,
    explanations,
    features,
    health,
    login,
    modes,
    plans,
    refusals,
    risks,
    sensors,
    trail,
    webhooks,
)

__all__ = ["ApiRooms", "ApiSettings", "PartState", "Readiness", "create_app"]


# A person may look for a telephone with a second factor in between.
_LOGIN_S: Final = 900


def create_app(rooms: ApiRooms) -> FastAPI:
    """Build the application.

    Parameters
    ----------
    rooms : ApiRooms
        Stores, questions and settings; used by reference, closed by whoever made them.

    Returns
    -------
    FastAPI
        Ready to be served; holds no connection and starts no thread of its own.
    """
    app = FastAPI(
        title="Schouw",
        version=API_VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_unique_id,
    )
    app.state.rooms = rooms
    add_problem_handlers(app)
    add_page_handlers(app)
    app.add_exception_handler(LoginNeededError, _send_to_login)
    for part in (risks, explanations, alarms, decisions, event_decisions, plans, features):
        app.include_router(part.router)
    for part in (events, assets, modes, sensors, refusals):
        app.include_router(part.router)
    for part in (webhooks, trail, algorithm, calibration, login, health):
        app.include_router(part.router)
    app.include_router(login.page_router)
    app.include_router(algorithm.page_router)

    @functools.cache
    def document() -> bytes:
        """Make the document when it is first asked for: it takes most of the time of making an application."""
        return json.dumps(make_document(app, rooms.settings), ensure_ascii=False).encode()

    @app.get("/v1/openapi.json", include_in_schema=False)
    def show_openapi() -> Response:
        """Give the OpenAPI document to anyone, scripts of other sites included."""
        headers = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
        return Response(document(), media_type="application/json", headers=headers)

    for router in pages.PARTS:
        app.include_router(router)
    app.add_middleware(
        LoginState, secret=rooms.access.secret or secrets.token_bytes(32), secure=rooms.access.secure_cookies
    )
    app.add_middleware(Repeats, rooms=rooms)
    app.add_middleware(Edge, settings=rooms.settings, answer_problem=answer_problem, audit=make_audit(rooms))
    return app


async def _send_to_login(request: Request, _error: Exception) -> Response:
    asked = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    question = {"next": asked}
    if request.query_params.get("lang") in set(Language):
        question["lang"] = request.query_params["lang"]
    return Response(status_code=303, headers={"Location": f"/login?{urlencode(question)}"})


class LoginState:
    """ASGI middleware: what a login remembers while somebody is at the provider, in a signed cookie of `/login`."""

    def __init__(self, app: ASGIApp, secret: bytes, *, secure: bool) -> None:
        self._plain = app
        self._remembering = SessionMiddleware(
            app,
            secret_key=secret.hex(),
            session_cookie="schouw-login",
            max_age=_LOGIN_S,
            path="/login",
            same_site="lax",
            https_only=secure,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_login = scope["type"] == "http" and str(scope["path"]).startswith("/login")
        await (self._remembering if is_login else self._plain)(scope, receive, send)


def _unique_id(route: APIRoute) -> str:
    return operation_id(route.name)
