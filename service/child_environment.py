"""Settings as the environment of a child."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from service.settings import PREFIX, SETTINGS_ALONE, SWITCHES_OF_TESTS, Settings

__all__ = ["child_environment"]


def child_environment(settings: Settings) -> dict[str, str | None]:
    """Give every setting as the environment of a child, so that parent and children cannot disagree.

    Returns
    -------
    dict of str to str or None
        What is put over the environment of this process; None is left out of it. A setting without a value has no
        variable, so the child is also told to look in no file, and inherits no variable of a setting from us.
    """
    environment: dict[str, str | None] = {
        name: None
        for name in os.environ
        if name.upper().startswith(PREFIX) and not name.upper().startswith(SWITCHES_OF_TESTS)
    }
    environment[SETTINGS_ALONE] = "1"
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            for key in type(value).model_fields:
                _put(environment, f"{PREFIX}{name}__{key}".upper(), getattr(value, key))
        else:
            _put(environment, f"{PREFIX}{name}".upper(), value)
    return environment


def _put(environment: dict[str, str | None], name: str, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, SecretStr):
        environment[name] = value.get_secret_value()
    elif isinstance(value, Path):
        environment[name] = str(value.absolute())
    elif isinstance(value, tuple):
        environment[name] = json.dumps(value)
    else:
        environment[name] = str(value)
