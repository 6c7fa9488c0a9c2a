"""The owner's theme and sign: read at start, and told when they cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from service.web import owner_file


def test_a_file_is_read_and_none_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "own.css").write_bytes(b":root{}")
    assert owner_file(tmp_path / "own.css", "owner.theme_file") == b":root{}"
    assert owner_file(None, "owner.theme_file") == b""


@pytest.mark.parametrize("name", ["missing.css", "logo.exe"])
def test_what_cannot_be_used_names_the_setting(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"owner\.logo_file"):
        owner_file(tmp_path / name, "owner.logo_file")
