"""JSON in the columns of the operational store: the standard library took a quarter of the time of an assessment."""

from __future__ import annotations

from typing import Any, Final

import msgspec

__all__ = ["JSON_CODEC", "to_json"]


def to_json(value: Any) -> str:
    """Write a value as JSON; what is no number becomes null.

    Examples
    --------
    >>> to_json({"kind": "brug", "share": 0.25})
    '{"kind":"brug","share":0.25}'
    """
    return msgspec.json.encode(value).decode()


# What SQLAlchemy's `create_engine` takes.
JSON_CODEC: Final[dict[str, Any]] = {"json_serializer": to_json, "json_deserializer": msgspec.json.decode}
