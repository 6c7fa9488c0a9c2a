"""The examples in this room's docstrings, run as they stand."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import ingest

_MODULES = [module.name for module in pkgutil.walk_packages(ingest.__path__, "ingest.") if not module.ispkg]


@pytest.mark.parametrize("name", _MODULES)
def test_examples_give_what_they_say(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
