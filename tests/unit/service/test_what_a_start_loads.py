"""A start loads what it needs: each of these costs a process a twentieth of a second or more, and several start."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("process", "spared"),
    [
        ("service.ingest_process", ["alembic", "mako", "scipy.ndimage", "scipy.signal", "scipy.optimize", "fastapi"]),
        ("service.web", ["alembic", "mako", "scipy.ndimage", "scipy.signal", "scipy.optimize", "authlib"]),
    ],
)
def test_what_only_some_starts_need_is_loaded_by_those(process: str, spared: list[str]) -> None:
    code = f"import sys, {process}; print([name for name in {spared!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
