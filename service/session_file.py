"""A recorded MQTT session: JSON lines of topic, payload (base64), retain and time of arrival, plain or gzip.

The same form that `schouw simulate --to FILE.jsonl` writes, there without times.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from domain.errors import ConfigurationError

__all__ = ["RecordedMessage", "is_session", "open_session", "read_session", "session_line"]


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """One message as it was on the wire.

    Attributes
    ----------
    received_ns : int or None
        When it arrived, Unix nanoseconds; None where nobody noted it.
    """

    topic: str
    payload: bytes
    retain: bool
    received_ns: int | None


def is_session(path: Path) -> bool:
    """Tell by its name whether a file is a recorded session."""
    return path.name.endswith((".jsonl", ".jsonl.gz"))


@contextmanager
def open_session(path: Path, mode: str) -> Iterator[IO[str]]:
    """Open a session file as text, packed or not by its name."""
    if path.suffix == ".gz":
        with gzip.open(path, f"{mode}t", encoding="ascii") as packed:
            yield cast("IO[str]", packed)
    else:
        with path.open(mode, encoding="ascii") as plain:
            yield plain


def session_line(message: RecordedMessage) -> str:
    """Write one message as a line."""
    fields: dict[str, object] = {
        "topic": message.topic,
        "payload": base64.b64encode(message.payload).decode("ascii"),
        "retain": message.retain,
    }
    if message.received_ns is not None:
        fields["received_ns"] = message.received_ns
    return json.dumps(fields) + "\n"


def read_session(path: Path) -> Iterator[RecordedMessage]:
    """Read a session message by message.

    Raises
    ------
    ConfigurationError
        If the file or a line cannot be read, with its number.
    """
    number = 0
    try:
        with open_session(path, "r") as lines:
            for number, line in enumerate(lines, start=1):  # noqa: B007 -- the number stands in the message below
                if line.strip():
                    yield _message(line)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path.name}: cannot be read ({error}); record it again") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{path.name}:{number}: got no recorded message ({type(error).__name__}: {error}), expected a JSON object "
            "with topic, payload in base64 and retain; record it again"
        ) from error


def _message(line: str) -> RecordedMessage:
    fields = json.loads(line)
    if not isinstance(fields, dict):
        raise TypeError("no object")
    received = fields.get("received_ns")
    kinds = (type(fields["topic"]), type(fields["retain"]), type(received))
    if kinds[:2] != (str, bool) or kinds[2] not in {int, type(None)}:
        raise TypeError("a key has another type")
    try:
        payload = base64.b64decode(fields["payload"], validate=True)
    except binascii.Error as error:
        raise ValueError(f"payload: {error}") from error
    return RecordedMessage(fields["topic"], payload, fields["retain"], received)
