"""Settings: read once, checked, frozen; every other room is given values.

Sources, strongest first: options of the command line, environment (`SCHOUW_MQTT__PORT`), the TOML file
(`schouw.toml` in the working folder, or `--config`), the defaults of `service.settings_sections`. A key that
does not exist, or a value out of its range, stops the start with a sentence that names it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from domain.errors import ConfigurationError
from service.settings_faults import fault_in_words, unreadable_variables
from service.settings_sections import (
    AccessSection,
    ApiSection,
    BrokerSection,
    GivenPath,
    InfluxSection,
    IngestSection,
    MqttSection,
    OwnerSection,
    RetentionSection,
    StorageSection,
    TelemetrySection,
    WebhookSection,
)

__all__ = ["PREFIX", "SETTINGS_ALONE", "SWITCHES_OF_TESTS", "Settings", "load_settings"]

# Set for our own children: their environment holds all settings, and no file may add to them.
SETTINGS_ALONE: Final = "SCHOUW_SETTINGS_ALONE"
PREFIX: Final = "SCHOUW_"
# What the test suite's own switches, such as SCHOUW_TEST_LONG, begin with; they are no settings.
SWITCHES_OF_TESTS: Final = "SCHOUW_TEST_"

# Where settings are read from; `load_settings` may be told of another file, or of none.
_FILE: Final[ContextVar[Path | None]] = ContextVar("settings file", default=Path("schouw.toml"))
# A checkpoint lies at most a day before the window, and its day is scored from its first hop.
_KEPT_BEHIND_BACKFILL_DAYS: Final = 2.0


class Settings(BaseSettings):
    """All settings of one installation."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
    )

    data_dir: GivenPath = Field(Path("data"), description="Folder of everything that is kept.")
    mqtt: MqttSection = MqttSection()
    broker: BrokerSection = BrokerSection()
    ingest: IngestSection = IngestSection()
    api: ApiSection = ApiSection()
    access: AccessSection = AccessSection()
    webhooks: WebhookSection = WebhookSection()
    storage: StorageSection = StorageSection()
    influx: InfluxSection = InfluxSection()
    retention: RetentionSection = RetentionSection()
    owner: OwnerSection = OwnerSection()
    telemetry: TelemetrySection = TelemetrySection()
    demo: bool = Field(default=False, description="Simulated data: a banner on every page and answer.")

    @model_validator(mode="after")
    def _keep_what_back_fill_needs(self) -> Self:
        """Late readings are scored with the readings kept of closed hops: those must outlive the window."""
        least = self.ingest.backfill_days + _KEPT_BEHIND_BACKFILL_DAYS
        if self.retention.kept_readings_days < least:
            kept, window = self.retention.kept_readings_days, self.ingest.backfill_days
            raise ValueError(
                f"retention.kept_readings_days is {kept}, expected at least {least:g}: two more than "
                f"ingest.backfill_days, which is {window:g}; raise the one or lower the other"
            )
        return self

    @classmethod
    def settings_customise_sources(  # noqa: D102 -- pydantic-settings' own hook
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- no .env file: one place less to look
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = InitSettingsSource(settings_cls, _content(_FILE.get()))
        return init_settings, env_settings, file_secret_settings, file

    @property
    def lateness_ns(self) -> int:
        """Lateness allowance in nanoseconds, by the clock in use."""
        seconds = self.ingest.lateness_seconds
        if seconds is None:
            seconds = 900.0 if self.ingest.clock == "wall" else 86_400.0
        return round(seconds * 1e9)

    @property
    def journal_path(self) -> Path:
        """The journal file."""
        return self.data_dir / "journal.sqlite"

    @property
    def series_path(self) -> Path:
        """The file of time series."""
        return self.data_dir / "series.sqlite"

    @property
    def influx_path(self) -> Path:
        """The file of what is remembered beside InfluxDB."""
        return self.data_dir / "influx.sqlite"

    @property
    def access_address(self) -> str:
        """Address of the database of keys, sessions and the audit trail."""
        return self._server_address or f"sqlite:///{self.data_dir / 'access.sqlite'}"

    @property
    def has_access_tables(self) -> bool:
        """Whether that database is there to be looked into; one on a server is taken to be."""
        return bool(self._server_address) or (self.data_dir / "access.sqlite").is_file()

    @property
    def database_address(self) -> str:
        """Address of the operational store."""
        return self._server_address or f"sqlite:///{self.data_dir / 'operational.sqlite'}"

    @property
    def _server_address(self) -> str:
        """Address of the database on a server; empty is none, so a compose file can hand on what nobody set."""
        return self.storage.database_url.get_secret_value() if self.storage.database_url is not None else ""


def load_settings(overrides: dict[str, Any] | None = None, *, config: Path | None = None) -> Settings:
    """Read settings from all sources.

    Parameters
    ----------
    overrides : dict, optional
        Values from the command line, nested as the sections are; they win.
    config : Path, optional
        A TOML file instead of `schouw.toml` in the working folder.

    Raises
    ------
    ConfigurationError
        If a key is unknown or a value wrong; all faults at once, each with its key and what was got.
    """
    source = config if config is not None or os.environ.get(SETTINGS_ALONE) == "1" else _FILE.get()
    name = "no file" if source is None else source.name
    _check_environment(os.environ)
    before = _FILE.set(source)
    try:
        if config is not None and not config.is_file():
            raise ConfigurationError(
                f"got settings file {str(config)!r}, expected a file that is there; check its name and folder"
            )
        return Settings(**(overrides or {}))
    except ValidationError as error:
        faults = "; ".join(fault_in_words(Settings, item) for item in error.errors())
        raise ConfigurationError(f"settings (environment SCHOUW_*, {name}, options): {faults}") from error
    except SettingsError as error:
        faults = "; ".join(unreadable_variables(Settings, PREFIX, os.environ)) or str(error)
        raise ConfigurationError(f"environment: {faults}; correct it") from error
    except OSError as error:
        raise ConfigurationError(
            f"settings file {name}: cannot be read ({error.strerror}); change its owner or rights, or give another "
            "with --config"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"settings file {name}: got byte {error.object[error.start]:#04x} at {error.start}, expected UTF-8 text; "
            "save it with the encoding UTF-8"
        ) from error
    except ValueError as error:
        raise ConfigurationError(f"settings file {name}: {error}; correct it") from error
    finally:
        _FILE.reset(before)


def _content(file: Path | None) -> dict[str, Any]:
    """Read a TOML file, nothing where there is none; Windows Notepad puts a byte-order mark before the first line."""
    if file is None or not file.is_file():
        return {}
    with file.open("rb") as content:
        return tomllib.loads(content.read().decode("utf-8-sig"))


def _check_environment(environment: Mapping[str, str]) -> None:
    """Refuse variables that look like settings and are none: pydantic passes over them in silence."""
    known = {SETTINGS_ALONE}
    for name, field in Settings.model_fields.items():
        known.add(f"{PREFIX}{name}".upper())
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            known.update(f"{PREFIX}{name}__{key}".upper() for key in section.model_fields)
    ours = [key for key in environment if key.upper().startswith(PREFIX)]
    strange = sorted(key for key in ours if not key.upper().startswith(SWITCHES_OF_TESTS) and key.upper() not in known)
    if strange:
        raise ConfigurationError(
            f"environment: got {', '.join(strange)}, expected the names in docs/settings.md; unset or correct them"
        )
