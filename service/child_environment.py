"""Settings as the environment of a child."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from service.settings import Settings

__all__ = ["child_environment"]


def child_environment(settings: Settings) -> dict[str, str]:
    """Give every setting as the environment of a child, so that parent and children cannot disagree."""
    environment: dict[str, str] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            for key in type(value).model_fields:
                _put(environment, f"SCHOUW_{name}__{key}".upper(), getattr(value, key))
        else:
            _put(environment, f"SCHOUW_{name}".upper(), value)
    return environment


def _put(environment: dict[str, str], name: str, value: Any) -> None:
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
