"""An error as a page, for a person with a browser; systems get problem details as ever."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from api.languages import Language, choose_language
from api.pages.frame import render_bare
from api.problems import ProblemError, problem_response
from api.texts import marked, text

__all__ = ["add_page_handlers"]

_HEADINGS: Final = {
    400: marked("This address cannot be read"),
    403: marked("You may not do this"),
    404: marked("This is not here"),
    429: marked("Too many requests"),
}
_OTHERWISE: Final = marked("Something went wrong")
_NOT_FOUND: Final = 404


def add_page_handlers(app: FastAPI) -> None:
    """Show browsers a page where a route refuses, or where there is nothing; called after `add_problem_handlers`."""
    plain = app.exception_handlers[HTTPException]

    async def refused(request: Request, error: Exception) -> Response:
        if not isinstance(error, ProblemError):
            raise TypeError(f"got {type(error).__name__}, expected ProblemError; it is registered for that alone")
        if not _is_for_a_person(request):
            return problem_response(error, request.url.path)
        answer = _page(request, error.status, error.detail)
        answer.headers.update(error.headers)
        return answer

    async def missing(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code == _NOT_FOUND and _is_for_a_person(request):
            return _page(request, _NOT_FOUND, "")
        answer: Response = await plain(request, error)  # type: ignore[misc]  # ours is a coroutine
        return answer

    app.add_exception_handler(ProblemError, refused)
    app.add_exception_handler(HTTPException, missing)


def _is_for_a_person(request: Request) -> bool:
    return not request.url.path.startswith("/v1/") and "text/html" in request.headers.get("accept", "")


def _page(request: Request, status: int, detail: str) -> Response:
    asked = request.query_params.get("lang")
    known = {language.value: language for language in Language}
    language = choose_language(known.get(asked or ""), request.headers.get("accept-language"), Language.DUTCH)
    heading = text(_HEADINGS.get(status, _OTHERWISE), language)
    return render_bare("problem.html", language, status=status, heading=heading, detail=detail)
