"""What a process of the benchmarks has used."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

__all__ = ["cpu_s"]

_CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Give the processor time of all threads of a process, s."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS
