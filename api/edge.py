"""What every request passes before a route sees it, and every answer on its way out.

In order: are address and headers of a size that a person could mean, is the `Host` one of ours (a page elsewhere may
point its own name at a loopback address, and its scripts would then read us as their own site), is the body within its
limit, and, whatever happens
further in, an answer in one shape with the same security headers. An error that nobody foresaw becomes
a problem without its insides (a page, for a browser) and is raised again, so that the server writes it to its log.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

from anyio import to_thread
from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.audit import Audit, is_audited
from api.problems import ProblemError, problem_response
from api.rooms import ApiSettings

__all__ = ["API_VERSION", "PAGE_POLICY", "Edge", "dressed_problem", "require_json"]

# Semantic version of the HTTP interface, not of the program.
API_VERSION: Final = "1.0.0"

_JSON_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "API-Version": API_VERSION,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Not `no-referrer`: with it browsers send `Origin: null` with our own forms, which looks like a foreign page.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# As ASGI has them, made once: every answer carries them.
_RAW_HEADERS: Final = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
_RAW_JSON_POLICY: Final = (b"content-security-policy", _JSON_POLICY.encode())
_RAW_PAGE_POLICY: Final = (b"content-security-policy", PAGE_POLICY.encode())
# The longest address that means something, with a cursor and every name of `fields`, is under 4,000 bytes.
_TARGET_BYTES: Final = 16_384
_HEADERS_BYTES: Final = 32_768
_ABSOLUTE: Final = re.compile(rb"(?i:https?)://([^/]*)(/.*)?", re.DOTALL)
_TWO_YEARS: Final = "max-age=63072000; includeSubDomains"


class Edge:
    """ASGI middleware around the whole application.

    Parameters
    ----------
    app : ASGI application
    settings : ApiSettings
        Names of hosts, limit of the body, and whether this is a demo.
    answer_problem : callable
        Puts a problem into the words of whoever asks.
    audit : callable or None
        Writes down what was written or denied.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ApiSettings,
        answer_problem: Callable[[Request, ProblemError], Response],
        audit: Audit | None = None,
    ) -> None:
        self._app = app
        self._settings = settings
        self._answer_problem = answer_problem
        self._audit = audit
        self._hosts = frozenset(host.lower() for host in settings.allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False
        scope = _in_origin_form(scope)
        # RFC 9110 asks for HEAD wherever there is GET; routes see only GET, and the server sends no body of it.
        is_head = scope["method"] == "HEAD"
        if is_head:
            scope = {**scope, "method": "GET"}

        async def dressed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._dress(scope, message)
                if self._audit is not None and is_audited(scope["method"], message["status"]):
                    await to_thread.run_sync(self._audit, scope, message["status"])
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        try:
            _check_size(scope)
            self._check_host(Headers(scope=scope))
            body = await self._body(scope, receive)
        except ProblemError as refused:
            await self._answer_problem(Request(scope), refused)(scope, receive, dressed)
            return
        try:
            await self._app(scope, _Replay(body, receive), dressed)
        except Exception:
            if not started:
                problem = ProblemError(
                    500, "Internal error", "Something went wrong on our side; the operator's log says what."
                )
                await self._answer_problem(Request(scope), problem)(scope, receive, dressed)
            raise

    def _check_host(self, headers: Headers) -> None:
        named = headers.getlist("host")
        if len(named) == 1 and ("*" in self._hosts or _without_port(named[0]) in self._hosts):
            return
        got = repr(named[0][:100]) if named else "no Host header"
        raise ProblemError(
            400, "Unknown host", f"Got {got}; this service answers only to the names in its setting of allowed hosts."
        )

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        limit = self._settings.body_bytes_max
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdecimal() and int(declared[:20]) > limit:
            raise _too_large(limit)
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                break
            body += message.get("body", b"")
            if len(body) > limit:
                raise _too_large(limit)
            more = message.get("more_body", False)
        return body

    def _dress(self, scope: Scope, message: Message) -> None:
        given: list[tuple[bytes, bytes]] = list(message["headers"])
        names = {name.lower() for name, _ in given}
        is_page = any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in given)
        wanted = [*_RAW_HEADERS, _RAW_PAGE_POLICY if is_page else _RAW_JSON_POLICY]
        if scope.get("scheme") == "https":
            wanted.append((b"strict-transport-security", _TWO_YEARS.encode()))
        if self._settings.demo:
            wanted.append((b"schouw-demo", b"true"))
        message["headers"] = given + [header for header in wanted if header[0] not in names]


def _in_origin_form(scope: Scope) -> Scope:
    """Give a request for `http://host/path` as one for `/path`, to the host that it names itself (RFC 9112, 3.2.2)."""
    whole = _ABSOLUTE.fullmatch(scope.get("raw_path") or b"")
    if whole is None:
        return scope
    host, raw_path = whole[1], whole[2] or b"/"
    headers = [(b"host", host), *(row for row in scope["headers"] if row[0] != b"host")]
    return {**scope, "path": unquote(raw_path.decode("latin-1")), "raw_path": raw_path, "headers": headers}


def dressed_problem(problem: ProblemError) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Give headers and body of a problem of a request that never became one."""
    response = problem_response(problem, "")
    return [*response.raw_headers, *_RAW_HEADERS, _RAW_JSON_POLICY], bytes(response.body)


def _check_size(scope: Scope) -> None:
    target = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    if target > _TARGET_BYTES:
        raise ProblemError(
            414, "Address too long", f"Got an address of {target} bytes, expected at most {_TARGET_BYTES}."
        )
    headers = sum(len(name) + len(value) for name, value in scope["headers"])
    if headers > _HEADERS_BYTES:
        raise ProblemError(
            431, "Headers too large", f"Got {headers} bytes of headers, expected at most {_HEADERS_BYTES}."
        )


class _Replay:
    """Gives a body that was read already, then what the connection itself says."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


def require_json(request: Request) -> None:
    """Refuse a write that is not declared as JSON.

    A form on another site can post to a loopback address without asking, but cannot declare JSON
    without a preflight, which nothing here grants: this is the guard against forged requests.
    """
    declared = request.headers.get("content-type", "")
    if declared.split(";")[0].strip().lower() != "application/json":
        raise ProblemError(
            415,
            "Unsupported media type",
            f"Got {declared[:100]!r}, expected a body with Content-Type: application/json.",
            headers={"Accept-Post": "application/json"},
        )


def _too_large(limit: int) -> ProblemError:
    return ProblemError(413, "Body too large", f"Got more than {limit} bytes, expected at most that many.")


def _without_port(host: str) -> str:
    name = host.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.rpartition(":")[0] if ":" in name else name
