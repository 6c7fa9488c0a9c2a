"""JSON from gateways: strict and fast first, and once more tolerantly for numbers that are none.

Many gateways print `NaN`, `Infinity` or `1e999` into their JSON. Strict parsers refuse the whole text, but
one bad value must not cost its siblings. So when the strict parser fails and such a number may be the
reason, the standard library's slower one reads the text again; whoever takes a value out refuses what is
not finite. A key written twice in one object counts once, with its last value.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

import msgspec

from domain.errors import PayloadError

__all__ = ["as_object", "check_letters", "check_version", "decode_json", "describe", "required"]

_DECODER: Final = msgspec.json.Decoder()
_ESCAPE: Final = b"\\u"
_MAX_DIGITS: Final = 400  # more than float64 can hold, and int() of longer texts is slow on purpose


def decode_json(payload: bytes) -> Any:
    """Parse a payload.

    Returns
    -------
    object
        What `json.loads` would give; numbers may be NaN or infinite.

    Raises
    ------
    PayloadError
        `empty` for no bytes at all, `not_json` for anything that cannot be parsed.

    Examples
    --------
    >>> decode_json(b'{"a": [1, NaN]}')
    {'a': [1, nan]}
    """
    if not payload:
        raise PayloadError("empty", "got an empty payload, expected JSON; check what the gateway publishes")
    try:
        return _DECODER.decode(payload)
    except msgspec.ValidationError as error:  # a number out of range
        return _decode_tolerantly(payload, error)
    except msgspec.DecodeError as error:
        if b"NaN" in payload or b"Infinity" in payload:
            return _decode_tolerantly(payload, error)
        raise _not_json(error) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise _not_json(error) from error


def _decode_tolerantly(payload: bytes, first_error: Exception) -> Any:
    """Parse again with the standard library, which knows NaN, infinities and numbers of any length."""
    try:
        value = json.loads(payload.decode("utf-8"), parse_int=_integer)
        if _ESCAPE in payload:
            check_letters(value)
    except UnicodeEncodeError as error:
        raise _not_json(error) from error
    except (ValueError, RecursionError) as error:
        raise _not_json(first_error) from error
    return value


def check_letters(value: Any) -> None:
    """Refuse text with half of a surrogate pair, which `json` reads and nothing behind it could write.

    Raises
    ------
    UnicodeEncodeError
        If there is one anywhere in what was read from JSON.
    """
    json.dumps(value, ensure_ascii=False).encode()


def _integer(text: str) -> float:
    """Read an integer; one that float64 cannot hold becomes infinite and is refused as a value."""
    return int(text) if len(text) <= _MAX_DIGITS else math.inf


def _not_json(error: Exception) -> PayloadError:
    return PayloadError(
        "not_json", f"expected JSON in UTF-8, got bytes that are not: {error}; check the gateway's encoder"
    )


def as_object(value: Any, what: str) -> dict[str, Any]:
    """Give a JSON object back as it is, and refuse anything else with code `wrong_type`."""
    if type(value) is not dict:
        raise PayloadError("wrong_type", f"{what}: got {describe(value)}, expected an object")
    return value


def check_version(message: dict[str, Any]) -> None:
    """Refuse a message whose `v` is missing or not the integer 1."""
    version = required(message, "v")
    if type(version) is not int or version != 1:
        raise PayloadError(
            "unsupported_version", f"got v = {describe(version)}, expected 1; set the gateway to format version 1"
        )


def required(message: dict[str, Any], key: str) -> Any:
    """Take a required key, or refuse with code `missing_key`."""
    try:
        return message[key]
    except KeyError:
        raise PayloadError("missing_key", f"key {key!r} is missing; add it to the message") from None


def describe(value: Any) -> str:
    """Say what a JSON value is, in a form short enough for a log line.

    Examples
    --------
    >>> describe([1, 2]), describe("x" * 100), describe(True)
    ('an array of 2', "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'...", 'true')
    """
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return repr(value) if len(value) <= _SHOWN else f"{value[:_SHOWN]!r}..."
    if isinstance(value, int) and abs(value) >= 10**_SHOWN:
        return f"an integer of more than {_SHOWN} digits"
    return repr(value)


_SHOWN: Final = 40
