"""InfluxQL over `/query`, which 1.8, 2.x and 3.x answer alike."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any

import httpx2
import msgspec

from domain.errors import StorageUnavailable
from storage.influx_target import InfluxTarget

__all__ = ["InfluxReader", "QueryError", "quote_name", "quote_text"]


class QueryError(StorageUnavailable):
    """The server answered that it cannot answer.

    Attributes
    ----------
    status : int
        Of HTTP; 200 where the error stands in the answer.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class _Series(msgspec.Struct):
    columns: list[str]
    values: list[list[Any]] = []


class _Result(msgspec.Struct):
    series: list[_Series] = []
    error: str = ""


class _Answer(msgspec.Struct):
    results: list[_Result] = []
    error: str = ""


_ANSWER = msgspec.json.Decoder(_Answer)


def quote_name(name: str) -> str:
    r"""Quote an identifier of InfluxQL.

    Examples
    --------
    >>> quote_name('my "own"')
    '"my \\"own\\""'
    """
    return '"{}"'.format(name.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n"))


def quote_text(text: str) -> str:
    r"""Quote a string of InfluxQL.

    Examples
    --------
    >>> quote_text("it's")
    "'it\\'s'"
    """
    return "'{}'".format(text.replace("\\", r"\\").replace("'", r"\'").replace("\n", r"\n"))


class InfluxReader:
    """Asks one server; safe to use from several threads.

    Parameters
    ----------
    target : InfluxTarget
    """

    def __init__(self, target: InfluxTarget) -> None:
        self._target = target
        self.http = httpx2.Client(
            base_url=target.url,
            headers=target.headers,
            timeout=target.timeout_s,
            verify=True if target.ca_file is None else ssl.create_default_context(cafile=target.ca_file),
            trust_env=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def rows(self, query: str) -> list[list[Any]]:
        """Ask for rows of the database, times in nanoseconds.

        Raises
        ------
        StorageUnavailable
            If the server is away or refuses; `QueryError` if it answered with an error of its own.
        """
        target = self._target
        parameters = {"db": target.database, "epoch": "ns", "q": query}
        if target.retention_policy is not None:
            parameters["rp"] = target.retention_policy
        return self.ask(parameters)

    def ask(self, parameters: dict[str, str], *, change: bool = False) -> list[list[Any]]:
        """Send one statement; `change` for those that are no questions."""
        response = self.request("POST" if change else "GET", "/query", parameters=parameters)
        try:
            answer = _ANSWER.decode(response.content)
        except msgspec.MsgspecError as error:
            raise StorageUnavailable(
                f"InfluxDB at {self._target.shown}: got an answer that is none of InfluxQL ({error}); check influx.url"
            ) from error
        for fault in (answer.error, *(result.error for result in answer.results)):
            if fault:
                raise QueryError(f"InfluxDB at {self._target.shown}: got {fault!r} to {parameters['q']!r}", status=200)
        series: Sequence[_Series] = [item for result in answer.results for item in result.series]
        return [row for item in series for row in item.values]

    def request(
        self, method: str, path: str, *, parameters: dict[str, str] | None = None, body: object = None
    ) -> httpx2.Response:
        """Make one request and give an answer that says it went well.

        Raises
        ------
        StorageUnavailable
            If it did not, in the server's words.
        """
        where = f"InfluxDB at {self._target.shown}"
        try:
            response = self.http.request(method, path, params=parameters, json=body)
        except httpx2.HTTPError as error:
            raise StorageUnavailable(
                f"{where}: got {str(error) or type(error).__name__}; check that the server is up, and influx.url"
            ) from error
        if response.is_success:
            return response
        text = " ".join(response.text.split())[:500]
        if response.status_code in {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}:
            raise StorageUnavailable(f"{where}: got {response.status_code} {text}; check influx.token")
        status = response.status_code
        raise QueryError(f"{where}: got {status} {text} to {method} {path}", status=status)
