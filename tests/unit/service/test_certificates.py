"""Files of certificates that cannot be used: refused by name at the start, for the broker as for InfluxDB."""

from __future__ import annotations

from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from domain.errors import ConfigurationError
from service.series_store import open_series
from service.sessions import make_inbox, secure
from service.settings import Settings, load_settings
from tests.installation import Installation


def settings_with(folder: Path, **files: Path) -> Settings:
    return load_settings({"data_dir": folder, "mqtt": {name: str(file) for name, file in files.items()}})


def refuses(settings: Settings, words: str) -> None:
    """Ingest, and the clients that only publish or listen, say the same."""
    with pytest.raises(ConfigurationError, match=words):
        make_inbox(settings)
    with pytest.raises(ConfigurationError, match=words):
        secure(settings.mqtt)(paho.Client(CallbackAPIVersion.VERSION2))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Ingest ran on, and its log said again and again that a thread had died of `No such file or directory`."""
    refuses(settings_with(tmp_path, ca_file=tmp_path / "none.pem"), r"mqtt\.ca_file.*none\.pem, expected certificates")


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("no certificate\n")
    refuses(settings_with(tmp_path, ca_file=tmp_path / "key.pem"), r"mqtt\.ca_file.*key\.pem, expected certificates")


@pytest.mark.parametrize("name", ["certificate_file", "key_file"])
def test_a_certificate_of_our_own_does_nothing_without_that_of_the_broker(tmp_path: Path, name: str) -> None:
    """It was passed over, and everything went over the network in the clear."""
    refuses(
        settings_with(tmp_path, **{name: tmp_path / "own.pem"}), rf"mqtt\.{name}: got .*own\.pem' without mqtt\.ca_file"
    )


def test_the_authority_of_influxdb_is_named(tmp_path: Path) -> None:
    """Each command ended in a traceback."""
    for name, text in (("none.pem", None), ("key.pem", "no certificate\n")):
        if text is not None:
            (tmp_path / name).write_text(text)
        section = {"url": "https://influx.example.org:8086", "ca_file": str(tmp_path / name)}
        with pytest.raises(ConfigurationError, match=rf"influx\.ca_file: got .*{name}', expected certificates in PEM"):
            open_series(load_settings({"data_dir": tmp_path, "influx": section}))


@pytest.mark.slow
def test_the_command_ends_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[broker]\nembedded = false\n[mqtt]\nca_file = "nowhere.pem"\n')
    for command in ("ingest", "run"):
        ended = Installation(tmp_path / "data").call(command, "--config", str(file), check=False)
        assert ended.returncode == 2
        assert "mqtt.ca_file, mqtt.certificate_file, mqtt.key_file: got " in ended.stderr
        assert "nowhere.pem, expected certificates in PEM (No such file or directory)" in ended.stderr
