"""What a page costs: bytes, processor time of the server, and waiting."""

from __future__ import annotations

import os
import time
import urllib.request
from pathlib import Path


def processor_seconds(pid: int) -> float:
    """Give the processor time that a process has used so far: what a busy machine does not change."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(address: str, pid: int, paths: list[str]) -> dict[str, float]:
    """Ask for pages one after another; give bytes, and seconds of processor and of waiting for each, on average."""
    begun, used, size = time.perf_counter(), processor_seconds(pid), 0
    for path in paths:
        with urllib.request.urlopen(address + path, timeout=60) as answer:  # noqa: S310 -- our own address
            size += len(answer.read())
    count = len(paths)
    return {
        "bytes": size / count,
        "processor_s": (processor_seconds(pid) - used) / count,
        "waited_s": (time.perf_counter() - begun) / count,
    }
