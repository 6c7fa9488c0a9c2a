"""Fixtures that several files of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.updating import copy_folder, installed_before


@pytest.fixture(scope="session")
def old_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Data folders of installations before an update, by what is particular about them; never written."""
    return installed_before(tmp_path_factory.mktemp("before"))


@pytest.fixture
def site(old_folders: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """Give a copy of one of the folders."""
    return lambda name: copy_folder(old_folders[name], tmp_path / name)
