"""Fields of a register file, taken one by one, with every complaint gathered before any is raised.

A data manager who mends a file wants all its faults at once, each with file, line and column, what stands
there and what was expected. So a fault is noted and reading goes on with None in its place; `Faults.check`
raises at the end, and nothing of a faulty file is taken in.

What was expected is a message with its facts in braces, filled in where it is shown: in English here, and in the
reader's language on a page (`api.onboarding`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

from domain.errors import RegisterError
from domain.identifiers import ID_PATTERN, is_identifier

__all__ = ["Faults", "Fields", "note", "shortened"]

_Choice = TypeVar("_Choice", bound=StrEnum)
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?")
# What Excel in Dutch makes of 250000, and what in a file of points is 250 to three decimals.
_THOUSANDS: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]+)?")
_MAX_LISTED: Final = 50
_MAX_SHOWN: Final = 60


def shortened(got: object) -> str:
    """Show what stands somewhere, as far as it fits in a sentence."""
    shown = repr(got)
    return shown[:_MAX_SHOWN] + "..." if len(shown) > _MAX_SHOWN else shown


def note(got: object, expected: str, facts: Mapping[str, object] = MappingProxyType({})) -> str:
    """Say what stands somewhere, shortened, and what was expected there.

    Examples
    --------
    >>> note("castle", "one of {choices}", {"choices": ("bridge", "road")})
    "got 'castle', expected one of bridge or road"
    """
    filled = expected.format(**{name: _shown(fact) for name, fact in facts.items()}) if facts else expected
    return f"got {shortened(got)}, expected {filled}"


def _shown(fact: object) -> str:
    if isinstance(fact, float):
        return f"{fact:.12g}"
    if isinstance(fact, tuple):
        return " or ".join(part for part in (", ".join(fact[:-1]), fact[-1]) if part)
    return str(fact)


@dataclass(slots=True)
class Faults:
    """Complaints about the files of one import, in the order they were found."""

    found: list[str] = field(default_factory=list)

    def add(self, where: str, got: object, expected: str, /, **facts: object) -> None:
        """Note one fault; `got` is shown as it stands in the file, and `facts` stand in braces in `expected`."""
        self.found.append(f"{where}: {note(got, expected, facts)}")

    def check(self) -> None:
        """Raise what was found, at most fifty lines of it.

        Raises
        ------
        RegisterError
            If anything was found.
        """
        if not self.found:
            return
        lines = self.found[:_MAX_LISTED]
        if len(self.found) > len(lines):
            lines.append(f"and {len(self.found) - len(lines)} more; mend these first")
        raise RegisterError("\n".join(lines))


@dataclass(frozen=True, slots=True)
class Fields:
    """One row of a table, or the properties of one feature.

    Attributes
    ----------
    where : str
        File and line, or file and place in the document.
    values : mapping of str to object
        Text from a table; any JSON value from a document. Empty text and null count as absent.
    decimal_comma : bool
        True where numbers may be written as `52,37`. Then `3.600` may be 3600 or 3.6, and is refused as ambiguous.
    """

    where: str
    values: Mapping[str, object]
    faults: Faults
    decimal_comma: bool = False

    def has(self, name: str) -> bool:
        """Tell whether something stands in a field."""
        value = self.values.get(name)
        return value is not None and not (isinstance(value, str) and not value.strip())

    def fault(self, name: str, expected: str, /, **facts: object) -> None:
        """Note that what stands in a field is not what was expected."""
        self.faults.add(f"{self.where}, column {name}", self.values.get(name, ""), expected, **facts)

    def text(self, name: str) -> str:
        """Take text without the blanks around it; empty where absent."""
        if not self.has(name):
            return ""
        value = self.values[name]
        if isinstance(value, str):
            if "\0" in value:
                self.fault(name, "text without the character NUL")
            return value.strip()
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        self.fault(name, "text")
        return ""

    def identifier(self, name: str) -> str:
        """Take a required identifier that may stand in a topic."""
        text = self.text(name)
        if not is_identifier(text):
            self.fault(name, "an identifier of the form {pattern}", pattern=ID_PATTERN)
        return text

    def number(
        self, name: str, *, low: float = -math.inf, high: float = math.inf, may_have_thousands: bool = True
    ) -> float | None:
        """Take a finite number within bounds, both inclusive; None where absent or wrong.

        Parameters
        ----------
        may_have_thousands : bool
            False for coordinates, which have no thousands: the point of `52.123` can only be a decimal one.
        """
        if not self.has(name) or (may_have_thousands and self._is_ambiguous(name)):
            return None
        value = self._parsed(self.values[name])
        if value is None or not math.isfinite(value) or not low <= value <= high:
            self._bounds_fault(name, low, high)
            return None
        return value

    def whole(self, name: str, *, low: int, high: int) -> int | None:
        """Take a whole number within bounds, both inclusive; None where absent or wrong."""
        if not self.has(name) or self._is_ambiguous(name):
            return None
        value = self._parsed(self.values[name])
        if value is None or not low <= value <= high or value != int(value):
            self.fault(name, "a whole number from {low} to {high}", low=low, high=high)
            return None
        return int(value)

    def choice(self, name: str, choices: type[_Choice]) -> _Choice | None:
        """Take one of an enumeration's values, in upper or lower case; None where absent or wrong."""
        if not self.has(name):
            return None
        try:
            return choices(self.text(name).lower())
        except ValueError:
            self.fault(name, "one of {choices}", choices=tuple(choices))
            return None

    def day(self, name: str, *, latest: date | None = None) -> str | None:
        """Take an ISO date, as text; None where absent, wrong, or after `latest`."""
        if not self.has(name):
            return None
        text = self.text(name)
        try:
            found = date.fromisoformat(text)
        except ValueError:
            self.fault(name, "a date such as 2026-11-23")
            return None
        if latest is not None and found > latest:
            self.fault(name, "a day that has come")
            return None
        return found.isoformat()

    def _is_ambiguous(self, name: str) -> bool:
        """Note a number whose points may mark thousands or decimals; Excel's `250.000` is not 250."""
        value = self.values[name]
        text = value.strip() if self.decimal_comma and isinstance(value, str) else ""
        if _THOUSANDS.fullmatch(text) is None:
            return False
        plain, (before, _, after) = text.replace(".", ""), text.partition(".")
        if "." in after or "," in after:
            self.fault(name, "{plain}, without points between the thousands", plain=plain)
        else:
            self.fault(
                name,
                "{plain} where the point marks thousands, or {decimal} where it is the decimal point",
                plain=plain,
                decimal=f"{before},{after.rstrip('0') or '0'}",
            )
        return True

    def _bounds_fault(self, name: str, low: float, high: float) -> None:
        if math.isinf(low) and math.isinf(high):
            self.fault(name, "a number")
        elif math.isinf(high):
            self.fault(name, "a number of at least {low}", low=low)
        elif math.isinf(low):
            self.fault(name, "a number of at most {high}", high=high)
        else:
            self.fault(name, "a number from {low} to {high}", low=low, high=high)

    def _parsed(self, value: object) -> float | None:
        """Read a number; text with both comma and point is ambiguous and is none."""
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            try:
                return float(value)
            except OverflowError:
                return None
        if not isinstance(value, str) or _NUMBER.fullmatch(value.strip()) is None:
            return None
        if "," in value and not self.decimal_comma:
            return None
        return float(value.strip().replace(",", "."))
