"""An error as a page, for a person with a browser; systems get problem details as ever."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.languages import Language, choose_language
from api.pages.frame import render_bare
from api.problems import FORM_NOT_OURS, ProblemError, problem_response
from api.texts import marked, text
from domain.errors import DecisionError, StorageUnavailable

__all__ = ["add_page_handlers", "answer_problem"]

_Handler = Callable[[Request, Exception], Awaitable[Response]]
# What a person reads for each status: a heading, and what it means or what to do.
_WORDS: Final = {
    400: (marked("This address cannot be read"), marked("Something in the address is not as it should be.")),
    401: (marked("You are not logged in"), marked("Log in again. If that does not work, tell who runs this service.")),
    403: (marked("You may not do this"), marked("Ask an administrator of your organisation for the right to it.")),
    404: (
        marked("This is not here"),
        marked("The address is wrong, or what stood here is gone or belongs to another organisation."),
    ),
    413: (marked("What you sent is too long"), marked("Make it shorter and try again.")),
    429: (marked("Too many requests"), marked("Wait a minute and try again.")),
    502: (
        marked("The login of your organisation does not answer"),
        marked("Try again in a minute; if it stays, tell who runs this service."),
    ),
    503: (
        marked("The data cannot be reached for now"),
        marked("Nothing is lost, and measuring goes on. Try again in a minute."),
    ),
}
_OLD_FORM: Final = (
    marked("This form is too old"),
    marked("You logged in again since you opened it. Go back, copy what you typed, and open the page anew."),
)
_OTHERWISE: Final = (marked("Something went wrong"), marked("Try again; if it stays, tell who runs this service."))
# A path that leads nowhere has nothing to say beyond that, and neither has a fault of ours.
_NOWHERE: Final = HTTPException
# Of the answer that a system would have got; the rest is said anew.
_KEPT_HEADERS: Final = ("allow", "retry-after", "www-authenticate")


def add_page_handlers(app: FastAPI) -> None:
    """Show browsers a page where a route refuses, or where there is nothing; called after `add_problem_handlers`."""
    for kind in (ProblemError, RequestValidationError, DecisionError, StorageUnavailable, HTTPException):
        plain: Any = app.exception_handlers[kind]
        app.add_exception_handler(kind, _shown(plain))


def answer_problem(request: Request, problem: ProblemError) -> Response:
    """Answer what no handler sees, because it went wrong before or behind all of them: a page or problem details."""
    return _for_reader(request, problem_response(problem, request.scope["path"]), has_details=True)


def _shown(plain: _Handler) -> _Handler:
    """Make a handler that shows people as a page what systems are told."""

    async def answer(request: Request, error: Exception) -> Response:
        return _for_reader(request, await plain(request, error), has_details=not isinstance(error, _NOWHERE))

    return answer


def _for_reader(request: Request, told: Response, *, has_details: bool) -> Response:
    """Give a browser as a page what a system is told; the address is not taken apart, its host may be no host."""
    path: str = request.scope["path"]
    if path.startswith("/v1/") or "text/html" not in request.headers.get("accept", ""):
        return told
    page = _page(request, json.loads(bytes(told.body)), has_details=has_details)
    page.headers.update({name: told.headers[name] for name in _KEPT_HEADERS if name in told.headers})
    return page


def _page(request: Request, problem: dict[str, Any], *, has_details: bool) -> Response:
    asked = request.query_params.get("lang")
    known = {language.value: language for language in Language}
    language = choose_language(known.get(asked or ""), request.headers.get("accept-language"), Language.DUTCH)
    status = int(problem["status"])
    heading, meaning = _OLD_FORM if problem["title"] == FORM_NOT_OURS else _WORDS.get(status, _OTHERWISE)
    faults = [
        f"{fault['field']}: got {fault['got']}, expected {fault['expected']}" for fault in problem.get("errors", ())
    ]
    return render_bare(
        "problem.html",
        language,
        status=status,
        heading=text(heading, language),
        meaning=text(meaning, language),
        way=("/login", text("Log in", language))
        if status == HTTPStatus.UNAUTHORIZED
        else ("/", text("To the morning list", language)),
        details=(faults or [problem["detail"]]) if has_details and status < HTTPStatus.INTERNAL_SERVER_ERROR else [],
    )
