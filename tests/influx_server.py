"""InfluxDB for tests: Debian's 1.6, a real server, behind one rewrite of a real nginx (design.md D5)."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from service.processes import end_process, leashed
from tests.ports import free_port
from tests.servers import require_server, start_server

__all__ = ["InfluxServer"]

_HOST: Final = "127.0.0.1"
_STOP_SECONDS: Final = 10.0


class InfluxServer:
    """InfluxDB 1.6 of Debian behind nginx, which gives it the `/api/v2/write` of its successors (design.md D5).

    Parameters
    ----------
    folder : Path
        Where configurations and logs go.
    data : Path, optional
        Where InfluxDB keeps its data, when that is another file system.
    writes_per_second : int, optional
        Writes that come faster have to wait their turn.
    """

    database: Final = "schouw"

    def __init__(self, folder: Path, *, data: Path | None = None, writes_per_second: int | None = None) -> None:
        self._influxd = require_server("influxd")
        self._nginx = require_server("nginx")
        self._folder = folder / "influx"
        self._writes_per_second = writes_per_second
        self._data = data or self._folder / "data"
        self._port, self._inner_port = free_port(), free_port()
        self._log = self._folder / "influxd.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._proxy: subprocess.Popen[bytes] | None = None
        self._storm = self._folder / "storm"
        self.url = f"http://{_HOST}:{self._port}"
        self.inner_url = f"http://{_HOST}:{self._inner_port}"

    @property
    def pid(self) -> int:
        """Process number of influxd's last start."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start both and wait until they answer; on the ports and with the data of the time before."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.start_influxd()
        if self._proxy is None:
            configuration = self._folder / "nginx.conf"
            configuration.write_text(self._nginx_configuration(), encoding="utf-8")
            program = [self._nginx, "-p", str(self._folder), "-c", str(configuration)]
            command = leashed(program, death_signal=signal.SIGTERM)
            self._proxy = start_server("nginx", command, log=self._log, answers=lambda: _answers_http(self.url))

    def start_influxd(self) -> None:
        """Start the database alone; the proxy answers 502 while it is away."""
        configuration = self._folder / "influxd.conf"
        configuration.write_text(self._influxd_configuration(), encoding="utf-8")
        command = leashed([self._influxd, "-config", str(configuration)], death_signal=signal.SIGKILL)
        self._process = start_server("influxd", command, log=self._log, answers=lambda: _answers_http(self.inner_url))

    def stop_influxd(self) -> None:
        """End the database cleanly."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGCONT)
            end_process(self._process, timeout_seconds=_STOP_SECONDS)

    def kill_influxd(self) -> None:
        """End the database with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End both."""
        self.stop_influxd()
        if self._proxy is not None:
            end_process(self._proxy, timeout_seconds=_STOP_SECONDS)
            self._proxy = None

    @contextlib.contextmanager
    def storm(self) -> Iterator[None]:
        """Let every request be answered 503, with the wish to be left alone for a second."""
        self._storm.touch()
        try:
            yield
        finally:
            self._storm.unlink()

    def create(self, database: str) -> None:
        """Make a database, and remove what it held before."""
        for statement in (f'DROP DATABASE "{database}"', f'CREATE DATABASE "{database}"'):
            self.ask(statement)

    def ask(self, query: str, *, database: str = "") -> dict[str, object]:
        """Ask the database itself, past the proxy and past everything under test."""
        body = urllib.parse.urlencode({"q": query, "db": database, "epoch": "ns"}).encode()
        with urllib.request.urlopen(f"{self.inner_url}/query", body, timeout=20) as answer:  # noqa: S310 -- our own
            found: dict[str, object] = json.load(answer)["results"][0]
            return found

    def write(self, lines: str, *, database: str) -> None:
        """Write lines past the proxy and past everything under test."""
        with urllib.request.urlopen(f"{self.inner_url}/write?db={database}", lines.encode(), timeout=20):  # noqa: S310
            pass

    def _influxd_configuration(self) -> str:
        return f"""
reporting-disabled = true
bind-address = "{_HOST}:{free_port()}"
[meta]
  dir = "{self._data}/meta"
  logging-enabled = false
[data]
  dir = "{self._data}/data"
  wal-dir = "{self._data}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "{_HOST}:{self._inner_port}"
  log-enabled = false
"""

    def _nginx_configuration(self) -> str:
        inner = f"{_HOST}:{self._inner_port}"
        storm = f'if (-f {self._storm}) {{ add_header Retry-After 1 always; return 503 "storm"; }}'
        rate = self._writes_per_second
        zone = f"limit_req_zone $server_port zone=writes:1m rate={rate}r/s;" if rate else ""
        slow = "limit_req zone=writes burst=1000;" if rate else ""
        rewrite = "rewrite ^ /write?db=$arg_bucket&precision=$arg_precision? break;"
        return f"""
daemon off;
master_process off;
pid nginx.pid;
error_log nginx.log;
events {{ }}
http {{
  access_log off;
  client_max_body_size 64m;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  {zone}
  server {{
    listen {_HOST}:{self._port};
    location = /api/v2/write {{ {slow} {storm} {rewrite} proxy_pass http://{inner}; }}
    location / {{ {storm} proxy_pass http://{inner}; }}
  }}
}}
"""


def _answers_http(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ping", timeout=2):  # noqa: S310 -- our own address
            return True
    except OSError:
        return False
