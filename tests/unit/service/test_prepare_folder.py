"""The data folder at a start: made, tried, and what is wrong with it told to who can mend it."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from domain.errors import ConfigurationError, StorageUnavailable
from service.folder import prepare_folder
from service.settings import load_settings


def failing(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_bytes(_: Path, __: bytes) -> int:
        raise OSError(code, "said by the system")

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


def test_the_folder_is_made_and_nothing_is_left_in_it(tmp_path: Path) -> None:
    prepare_folder(load_settings({"data_dir": tmp_path / "a" / "b"}))
    assert list((tmp_path / "a" / "b").iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_no_wrong_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """It ended a process with the exit code of a wrong setting, upon which `schouw run` stopped all the others."""
    failing(code, monkeypatch)
    with pytest.raises(StorageUnavailable, match=r"cannot be written \(said by the system\); free the disk"):
        prepare_folder(load_settings({"data_dir": tmp_path}))


def test_a_folder_of_somebody_else_is_a_wrong_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(errno.EACCES, monkeypatch)
    with pytest.raises(ConfigurationError, match="give another with SCHOUW_DATA_DIR"):
        prepare_folder(load_settings({"data_dir": tmp_path}))


def test_a_file_in_the_place_of_the_folder_is_told_as_one(tmp_path: Path) -> None:
    """It "cannot be written (File exists)"."""
    (tmp_path / "data").touch()
    with pytest.raises(
        ConfigurationError, match=r"data' cannot be written \(there is a file of that name\); give another"
    ):
        prepare_folder(load_settings({"data_dir": tmp_path / "data"}))


@pytest.mark.parametrize("least_bytes", [1, 65_536])
def test_a_full_disk_on_which_files_can_be_made_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least_bytes: int
) -> None:
    """`schouw run` went on, and ended in a traceback or after a minute without an answer of the broker."""

    def fsync(_: int) -> None:
        raise OSError(errno.ENOSPC, "said by the system")

    monkeypatch.setattr("service.folder.os.fsync", fsync)
    with pytest.raises(StorageUnavailable, match=r"cannot be written \(said by the system\); free the disk"):
        prepare_folder(load_settings({"data_dir": tmp_path}), least_bytes=least_bytes)
    assert list(tmp_path.iterdir()) == []
    prepare_folder(load_settings({"data_dir": tmp_path}))
