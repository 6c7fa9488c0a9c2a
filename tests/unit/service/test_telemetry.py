"""What is logged; a log that cannot be written stops nothing."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TextIO, cast

import pytest

from service.settings_sections import TelemetrySection
from service.telemetry import UnfailingText, logger, set_up_logging


class FullDisk(io.StringIO):
    """A file on a disk that is full for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.is_full = False

    def write(self, text: str) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(text)


def test_a_log_on_a_full_disk_ends_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one of ten runs with a full disk ingest ended, because it could not write that the disk was full."""
    file = FullDisk()
    monkeypatch.setattr(sys, "stderr", file)
    set_up_logging(TelemetrySection())
    file.is_full = True
    logger().error("acknowledging_stopped")
    file.is_full = False
    logger().info("acknowledging_resumed")
    assert "acknowledging_resumed" in file.getvalue()
    assert "acknowledging_stopped" not in file.getvalue()


def test_a_closed_stream_is_passed_over_and_everything_else_is_the_streams_own() -> None:
    file = io.StringIO()
    stream = cast("TextIO", UnfailingText(file))
    assert not stream.isatty()
    file.close()
    print("nobody reads this", file=stream, flush=True)
    assert stream.closed


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no file that is always full")
def test_a_process_whose_log_is_a_full_disk_works_on() -> None:
    code = (
        "from service.telemetry import logger, set_up_logging; from service.settings_sections import TelemetrySection\n"
        "set_up_logging(TelemetrySection())\n"
        "for number in range(2000): logger().info('said', number=number)\n"
        "print('done')"
    )
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=full, check=False)
    assert done.stdout == b"done\n"
