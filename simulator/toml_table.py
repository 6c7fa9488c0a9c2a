"""Read one TOML table key by key, so that every mistake is reported with file, line and what is allowed.

The standard library's parser does not say where a key stood. Here the text is searched again when, and
only when, something is wrong: for the nth header of that table and then for the key below it. A key
written in another way (dotted, inline) is reported at its table's line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from typing import Any, NoReturn

from domain.errors import ConfigurationError

__all__ = ["TomlTable", "line_of"]


def line_of(text: str, table: str, index: int | None, key: str) -> int:
    r"""Find the line, from 1, of a key in a table.

    Parameters
    ----------
    table : str
        Name as in its header; empty for the top of the file.
    index : int or None
        Which one of an array of tables `[[table]]`; None for a plain `[table]`.
    key : str
        Empty for the header itself; at the top of the file also the name of a table.

    Examples
    --------
    >>> line_of("a = 1\n[[b]]\nc = 2\n", "", None, "b")
    2
    >>> line_of("a = 1\n[[b]]\nc = 2\n[[b]]\nc = 3\n", "b", 1, "c")
    5
    """
    header = re.compile(r"\s*(\[\[?)\s*([^\]\s]+)\s*\]\]?\s*(?:#.*)?")
    wanted = "[" if index is None else "[["
    seen, inside, found = -1, not table, 1
    for number, line in enumerate(text.splitlines(), start=1):
        match = header.fullmatch(line)
        if match is not None:
            if not table and match[2] == key:
                return number
            inside = match[2] == table and match[1] == wanted
            seen += inside
            inside = inside and seen == (index or 0)
            found = number if inside else found
        elif inside and key and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return number
    return found


class TomlTable:
    """One table of a file, whose keys are taken one by one; what is left over is unknown.

    Parameters
    ----------
    path, text : str
        Name and content of the file, for messages.
    name : str
        The table's name, empty for the top of the file.
    index : int or None
        Its place in an array of tables.
    content : dict
        As parsed.
    what : str
        What messages call the file's content.
    """

    def __init__(
        self, path: str, text: str, name: str, index: int | None, content: dict[str, Any], *, what: str = "scenario"
    ) -> None:
        self._what = what
        self._path = path
        self._text = text
        self._name = name
        self._index = index
        self._content = content
        self._taken: list[str] = []

    def number(
        self, key: str, default: float | None = None, *, low: float = -math.inf, high: float = math.inf
    ) -> float:
        """Take a number in `[low, high]`; required when there is no default."""
        value = self._take(key, default)
        allowed = f"a number {_span(low, high)}"
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self.fail(key, f"got {value!r}, expected {allowed}")
        if not low <= value <= high:
            self.fail(key, f"got {value!r}, expected {allowed}")
        return float(value)

    def integer(self, key: str, default: int | None = None, *, low: int, high: int) -> int:
        """Take a whole number in `[low, high]`."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.fail(key, f"got {value!r}, expected a whole number {_span(low, high)}")
        return value

    def text(self, key: str, default: str | None = None, *, allowed: Collection[str] = (), pattern: str = "") -> str:
        """Take text, one of `allowed` or of the form `pattern` where given."""
        value = self._take(key, default)
        if not isinstance(value, str):
            self.fail(key, f"got {value!r}, expected text in quotes")
        if allowed and value not in allowed:
            self.fail(key, f"got {value!r}, expected one of {', '.join(sorted(allowed))}")
        if pattern and value != default and not re.fullmatch(pattern, value):
            self.fail(key, f"got {value!r}, expected the form {pattern}")
        return value

    def boolean(self, key: str, *, default: bool) -> bool:
        """Take `true` or `false`."""
        value = self._take(key, default)
        if not isinstance(value, bool):
            self.fail(key, f"got {value!r}, expected true or false")
        return value

    def span(self, key: str, default: tuple[float, float], *, low: float, high: float) -> tuple[float, float]:
        """Take two numbers in `[low, high]`, the second not below the first."""
        value = self._take(key, list(default))
        allowed = f"two numbers {_span(low, high)}, the smaller first"
        if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 -- from and to
            self.fail(key, f"got {value!r}, expected {allowed}")
        if any(isinstance(end, bool) or not isinstance(end, int | float) for end in value):
            self.fail(key, f"got {value!r}, expected {allowed}")
        first, last = float(value[0]), float(value[1])
        if not low <= first <= last <= high:
            self.fail(key, f"got {value!r}, expected {allowed}")
        return first, last

    def names(self, key: str, default: tuple[str, ...], *, allowed: Collection[str]) -> tuple[str, ...]:
        """Take a list of different names, at least one, each one of `allowed`."""
        value = self._take(key, list(default))
        right = isinstance(value, list) and value and all(isinstance(name, str) and name in allowed for name in value)
        if not right or len(set(value)) != len(value):
            self.fail(key, f"got {value!r}, expected a list of some of {', '.join(sorted(allowed))}, each once")
        return tuple(value)

    def value(self, key: str, default: Any = None) -> Any:
        """Take whatever stands there, for the caller to check."""
        return self._take(key, default)

    def has(self, key: str) -> bool:
        """Tell whether the key is there."""
        return key in self._content

    def table(self, key: str) -> TomlTable:
        """Take a table; empty when it is not there."""
        value = self._take(key, {})
        if not isinstance(value, dict):
            self.fail(key, f"got {value!r}, expected a table [{key}]")
        return TomlTable(self._path, self._text, key, None, value, what=self._what)

    def tables(self, key: str) -> list[TomlTable]:
        """Take an array of tables; empty when it is not there."""
        value = self._take(key, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self.fail(key, f"got {value!r}, expected tables [[{key}]]")
        return [
            TomlTable(self._path, self._text, key, index, each, what=self._what) for index, each in enumerate(value)
        ]

    def finish(self) -> None:
        """Refuse every key that nobody took.

        Raises
        ------
        ConfigurationError
            For the first key in the order of the file.
        """
        for key in self._content:
            if key not in self._taken:
                self.fail(key, f"the key is unknown, expected one of {', '.join(sorted(set(self._taken)))}")

    def fail(self, key: str, what: str) -> NoReturn:
        """Refuse the file because of one key of this table.

        Raises
        ------
        ConfigurationError
            Always.
        """
        line = line_of(self._text, self._name, self._index, key)
        header = f"[{self._name}]" if self._index is None else f"[[{self._name}]]"
        where = f" in {header}" if self._name else ""
        raise ConfigurationError(f"{self._path}:{line}: {key!r}{where}: {what}; correct the {self._what}")

    def _take(self, key: str, default: Any) -> Any:
        """Take a key's value, or its default, and remember that it is known."""
        self._taken.append(key)
        if key in self._content:
            return self._content[key]
        if default is None:
            self.fail(key, "the key is missing and has no default")
        return default


def _span(low: float, high: float) -> str:
    """Put a range into words."""
    if math.isinf(low) and math.isinf(high):
        return "that is finite"
    if math.isinf(high):
        return f"of at least {low:g}"
    return f"from {low:g} to {high:g}"
