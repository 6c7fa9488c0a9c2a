"""Children for tests: small programs that `service.processes` starts."""

from __future__ import annotations

import sys
from pathlib import Path

from service.processes import ChildSpec

__all__ = ["DEAF", "SLEEP", "spec"]

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"


def spec(name: str, code: str, folder: Path, *, stop_seconds: float = 5.0, may_end: bool = False) -> ChildSpec:
    return ChildSpec(
        name=name,
        argv=(sys.executable, "-c", code),
        log_file=folder / "log" / f"{name}.log",
        environment={"PYTHONUNBUFFERED": "1"},
        stop_seconds=stop_seconds,
        may_end=may_end,
    )
