"""Every error Schouw raises on purpose, split by who must act.

::

    SchouwError
    ├── PayloadError          the sender: this message or value is refused, the stream goes on
    ├── UnitError             whoever wrote the unit: it is unknown or of another quantity
    ├── RegisterError         the data manager: a register or works file is wrong at file and line
    ├── ConfigurationError    the operator: stop at start
    ├── DecisionError         the person deciding: the decision cannot be taken as it was given
    │   └── DecisionRepeated     the same key came before with another decision
    ├── StorageError          storage failed
    │   ├── StorageUnavailable   away or full for now: retry
    │   └── StorageCorrupt       damaged: stop and restore
    │       └── OtherModelVersion    not damaged: state of other models, which must be learnt again
    └── ShapeError            the programmer: arrays that do not belong together

A message says what was got, what was expected and what to do. Text from outside goes through `!r`.
"""

from __future__ import annotations

from typing import Literal

__all__ = [
    "ConfigurationError",
    "DecisionError",
    "DecisionRepeated",
    "OtherModelVersion",
    "PayloadCode",
    "PayloadError",
    "RegisterError",
    "SchouwError",
    "ShapeError",
    "StorageCorrupt",
    "StorageError",
    "StorageUnavailable",
    "UnitError",
]

# A short fixed list, because each becomes the label of a counter.
PayloadCode = Literal[
    "bad_topic",
    "empty",
    "too_large",
    "not_json",
    "wrong_type",
    "missing_key",
    "unsupported_version",
    "topic_mismatch",
    "bad_time",
    "bad_value",
    "bad_unit",
    "bad_length",
    "bad_encoding",
    "unknown_channel",
    "decoder_fault",
]


class SchouwError(Exception):
    """Base of all errors raised on purpose."""


class PayloadError(SchouwError):
    """A message, or one value in it, that its sender must mend.

    Attributes
    ----------
    code : PayloadCode
        What kind of fault, from a fixed list.
    reason : str
        What was got, what was expected and what to do, in one sentence.
    """

    def __init__(self, code: PayloadCode, reason: str) -> None:
        super().__init__(reason)
        self.code: PayloadCode = code
        self.reason = reason


class UnitError(SchouwError):
    """A unit that is not known, or cannot be converted into the one asked for."""


class RegisterError(SchouwError):
    """A register or works file that cannot be taken in; nothing of it was."""


class ConfigurationError(SchouwError):
    """A setting or surrounding that the operator must change before Schouw can start."""


class DecisionError(SchouwError):
    """A decision that refers to nothing, or lacks a name or a reason."""


class DecisionRepeated(DecisionError):
    """A decision under a key that was used for another one."""


class StorageError(SchouwError):
    """Storage did not do what was asked."""

    retryable = False


class StorageUnavailable(StorageError):
    """Storage is away, locked or full for now; the same call may succeed later.

    Attributes
    ----------
    retry_after_s : float
        How long a server asked to be left alone, in seconds; 0 when it did not say.
    """

    retryable = True

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StorageCorrupt(StorageError):
    """Stored bytes are not what was written; stop, and restore from a backup."""


class OtherModelVersion(StorageCorrupt):
    """State was saved by models of another version, and cannot be gone on from as it is.

    Attributes
    ----------
    found, expected : str
        Model versions.
    """

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(
            f"state was saved by model version {found!r}, expected {expected!r}: start `schouw ingest`, which learns "
            "again from what is kept"
        )
        self.found = found
        self.expected = expected


class ShapeError(SchouwError):
    """Arrays that do not belong together: a fault in our own code."""
