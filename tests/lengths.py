"""Two lengths for what takes long: one for every change, one by hand."""

from __future__ import annotations

import os
from typing import Final, TypeVar

T = TypeVar("T")

IS_LONG: Final = os.environ.get("SCHOUW_TEST_LONG") == "1"


def either(short: T, *, long: T) -> T:
    """Choose how many days, seeds or cases to try: `short` in `make test`, `long` in `make long`.

    The short form must fail for the same mistakes as the long one; the long one meets rarer coincidences.
    """
    return long if IS_LONG else short
