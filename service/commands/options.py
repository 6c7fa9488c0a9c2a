"""What several commands share: options, and settings made from them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from service.settings import Settings, load_settings
from service.telemetry import set_up_logging

__all__ = [
    "ApiPort",
    "Config",
    "DataDir",
    "Host",
    "MqttPort",
    "Port",
    "Speed",
    "counted",
    "day_ns",
    "overrides_of",
    "read_settings",
]

_LAST_PORT: Final = 65_535


def _given_folder(text: str) -> Path:
    """Refuse the nothing that a script hands on of a name it never set: as a path it is the working folder."""
    if not text.strip():
        raise typer.BadParameter("got '', expected a folder; leave the option out for the default")
    return Path(text)


DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", parser=_given_folder, metavar="<path>", help="Folder of everything that is kept (default: data)."
    ),
]
Config = Annotated[Path | None, typer.Option("--config", help="TOML file with settings (default: schouw.toml).")]
Host = Annotated[str | None, typer.Option("--host", help="Address of the MQTT broker (default: 127.0.0.1).")]
Port = Annotated[
    int | None, typer.Option("--port", help="Port of the MQTT broker (default: 1883).", min=1, max=_LAST_PORT)
]
MqttPort = Annotated[
    int | None, typer.Option("--mqtt-port", help="Port of the MQTT broker (default: 1883).", min=1, max=_LAST_PORT)
]
ApiPort = Annotated[
    int | None,
    typer.Option("--api-port", help="Port of the API and the pages (default: 8000).", min=1, max=_LAST_PORT),
]
Speed = Annotated[float, typer.Option(help="Seconds of event time a second; 0 is as fast as it goes.", min=0.0)]


def read_settings(overrides: dict[str, Any], config: Path | None) -> Settings:
    """Read settings and set up the log they ask for."""
    settings = load_settings(overrides, config=config)
    set_up_logging(settings.telemetry)
    return settings


def overrides_of(data_dir: Path | None, *, mqtt_port: int | None = None, api_port: int | None = None) -> dict[str, Any]:
    """Give the options that were used as settings, nested as the sections are."""
    overrides: dict[str, Any] = {}
    if data_dir is not None:
        overrides["data_dir"] = data_dir
    if mqtt_port is not None:
        overrides["mqtt"] = {"port": mqtt_port}
    if api_port is not None:
        overrides["api"] = {"port": api_port}
    return overrides


def day_ns(text: str | None) -> int | None:
    """Read the ISO date or moment of `--start` as Unix nanoseconds; without a zone it is UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        wanted = f"got {text!r}, expected an ISO date such as 2024-01-01"
        raise typer.BadParameter(wanted, param_hint="'--start'") from error
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000


def counted(number: int, noun: str) -> str:
    """Put a number before a noun, in the plural where it is not one.

    Examples
    --------
    >>> counted(1, "message"), counted(1200, "message")
    ('1 message', '1,200 messages')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
