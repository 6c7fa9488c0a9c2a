"""Requests that are no HTTP, answered in the one shape of errors.

What uvicorn cannot read never reaches the application: a byte that does not belong in an address, a header that breaks
off, two lengths of one body. It would answer in plain text that the request is invalid; here the answer is a problem
that says what h11 found wrong, with the same headers as all others.
"""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from api.edge import dressed_problem
from api.problems import ProblemError

__all__ = ["ProblemProtocol"]


class ProblemProtocol(H11Protocol):
    """HTTP/1.1 of uvicorn with problem details for what is none."""

    def send_400_response(self, msg: str) -> None:
        """Say what is wrong with the bytes that came, and close; called while h11's error is being handled."""
        if self.transport.is_closing():
            return
        cycle: Any = self.cycle  # None before the first request, whatever its type says
        if cycle is None or cycle.response_complete or not cycle.response_started:
            error = sys.exception()
            status = HTTPStatus(getattr(error, "error_status_hint", HTTPStatus.BAD_REQUEST))
            detail = f"Expected HTTP/1.1 as RFC 9112 has it; found: {error or msg}"[:300]
            title = "Not HTTP"
            # h11 gives up on 64 kB without an end, of the first line as of headers, if no more came by then.
            if status is HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE and b"\n" not in self.conn.trailing_data[0]:
                status, title = HTTPStatus.REQUEST_URI_TOO_LONG, "Address too long"
            headers, body = dressed_problem(ProblemError(status, title, detail))
            rows = [b"HTTP/1.1 %d %b" % (status, status.phrase.encode())]
            rows += [name + b": " + value for name, value in [*headers, (b"connection", b"close")]]
            self.transport.write(b"\r\n".join(rows) + b"\r\n\r\n" + body)
        self.transport.close()
