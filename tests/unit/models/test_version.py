"""A change of what the models remember or say needs another model version, and this notices when it was forgotten.

State of another version is made anew from the journal, and an assessment names the version that said it. So two
things stand beside the version: the layout of the state to the letter, and what a small made-up site comes to, to six
digits (the last bits of exp and log differ between kinds of processor).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from domain.register import AssetType
from models.chain import assess
from models.layout import COLUMNS, axis_of
from models.state import MODEL_VERSION
from models.stream_memory import SAVED

# For each version the digest of its layout and of its numbers. Raise `MODEL_VERSION` when one of them changes, and
# write the new ones down; a version that was released keeps its line.
VERSIONS = {
    "3.0": ("fe81b1b422fc61f2", "9daf562a42027eee"),
    "3.1": ("f8ddedf5a0de2c7a", "9daf562a42027eee"),
    "3.2": ("fb5ba39df0a6bde3", "9daf562a42027eee"),
    "3.3": ("fb5ba39df0a6bde3", "9daf562a42027eee"),
    "3.4": ("aac2b9b689e484b8", "5fc99ba59fabe6ba"),
    "3.5": ("bd246a07a7409e7d", "5fc99ba59fabe6ba"),
    "3.6": ("bd246a07a7409e7d", "5fc99ba59fabe6ba"),
    "3.7": ("c7f8b85606ac0dfb", "5fc99ba59fabe6ba"),
    "3.8": ("8eb95d370ae9afc5", "5fc99ba59fabe6ba"),
    "3.9": ("4328db80e3cf0420", "5fc99ba59fabe6ba"),
    "3.10": ("69ac27651d8afe7d", "38b0cb52c32dab36"),
    "3.11": ("69ac27651d8afe7d", "38b0cb52c32dab36"),
    "3.12": ("69ac27651d8afe7d", "96a108e287aca2d3"),
    "3.13": ("cb46d7e588efac38", "96a108e287aca2d3"),
    "3.14": ("cb46d7e588efac38", "c40abd5709ebe07e"),
    "3.15": ("69ac27651d8afe7d", "c40abd5709ebe07e"),
    "3.16": ("a8854f3f1e756886", "c40abd5709ebe07e"),
    "3.17": ("a8854f3f1e756886", "c40abd5709ebe07e"),
    "3.18": ("a8854f3f1e756886", "a462eba6224175f2"),
    "3.19": ("5e53d5f06b99d151", "1ff187ba3d90a6fe"),
    "3.20": ("97f6db5fd0527ce1", "1ff187ba3d90a6fe"),
    "3.21": ("97f6db5fd0527ce1", "1ff187ba3d90a6fe"),
    "3.22": ("97f6db5fd0527ce1", "1ff187ba3d90a6fe"),
    "3.23": ("97f6db5fd0527ce1", "1ff187ba3d90a6fe"),
    "3.24": ("97f6db5fd0527ce1", "1ff187ba3d90a6fe"),
    "3.25": ("46ea75d574a16b57", "1ff187ba3d90a6fe"),
    "3.26": ("af7fd7e0a87e7b91", "1ff187ba3d90a6fe"),
    "3.27": ("0570d33b3b791dfa", "1ff187ba3d90a6fe"),
    "3.28": ("0570d33b3b791dfa", "1ff187ba3d90a6fe"),
    "3.29": ("2fde453a4e2b9e60", "1ff187ba3d90a6fe"),
    "3.30": ("24fbe5414a7142c0", "1ff187ba3d90a6fe"),
    "3.31": ("1baf6178a1cf3d54", "1ff187ba3d90a6fe"),
    "3.32": ("1baf6178a1cf3d54", "1ff187ba3d90a6fe"),
    "3.33": ("955ce7a007365cd0", "1ff187ba3d90a6fe"),
    "3.34": ("89de7c8f4f88f92b", "1ff187ba3d90a6fe"),
    "3.35": ("6c7b719ac81f727c", "1ff187ba3d90a6fe"),
    "3.36": ("6c7b719ac81f727c", "1ff187ba3d90a6fe"),
    "3.37": ("6c7b719ac81f727c", "ae1d9a0f9c9da966"),
    "3.38": ("6c7b719ac81f727c", "ae1d9a0f9c9da966"),
    "3.39": ("6c7b719ac81f727c", "ae1d9a0f9c9da966"),
    "3.40": ("1162952b8f0d97d4", "ae1d9a0f9c9da966"),
    "3.41": ("a959179129f1da3b", "ae1d9a0f9c9da966"),
    "3.42": ("20d68cd4f3b32aa0", "ae1d9a0f9c9da966"),
    "3.43": ("20d68cd4f3b32aa0", "ae1d9a0f9c9da966"),
    "3.44": ("20d68cd4f3b32aa0", "ae1d9a0f9c9da966"),
    "3.45": ("20d68cd4f3b32aa0", "ae1d9a0f9c9da966"),
    "3.46": ("20d68cd4f3b32aa0", "4003fe63e63168e2"),
    "3.47": ("20d68cd4f3b32aa0", "4003fe63e63168e2"),
    "3.48": ("20d68cd4f3b32aa0", "4003fe63e63168e2"),
    "3.49": ("0d07bf71c9931a72", "4003fe63e63168e2"),
    "3.50": ("0d07bf71c9931a72", "4003fe63e63168e2"),
    "3.51": ("0d07bf71c9931a72", "e219a72c2148885d"),
    "3.52": ("46bbb003a06d1490", "e219a72c2148885d"),
    "3.53": ("46bbb003a06d1490", "e219a72c2148885d"),
    "3.54": ("59920e66f6763ff8", "e219a72c2148885d"),
    "3.55": ("8f4f502ed5d473a7", "e219a72c2148885d"),
    "3.56": ("1f577e585c61b6f8", "e219a72c2148885d"),
    "3.57": ("1f577e585c61b6f8", "e219a72c2148885d"),
    "3.58": ("73a672e82c168e19", "e219a72c2148885d"),
    "3.59": ("73a672e82c168e19", "e219a72c2148885d"),
    "3.60": ("6e9fe79dc5019f4a", "348971a708e74205"),
    "3.61": ("6a47d03339952fe2", "348971a708e74205"),
    "3.62": ("6a47d03339952fe2", "348971a708e74205"),
    "3.63": ("eb0e8f46d0b71196", "a48ceaa59b1573e0"),
    "3.64": ("4071d92c92f29e32", "a48ceaa59b1573e0"),
    "3.65": ("0ec29e83f66be095", "0bba8ed4eed46f05"),
    "3.66": ("0ec29e83f66be095", "0bba8ed4eed46f05"),
    "3.67": ("fb47218cc3190267", "e1166ecd2b9bde90"),
    "3.68": ("9b75e297b7fb4d1e", "e1166ecd2b9bde90"),
    "3.69": ("9b75e297b7fb4d1e", "e1166ecd2b9bde90"),
}
DAYS = 18


def layout_digest(run: Any) -> str:
    rows = [
        (name, axis_of(name), str(getattr(run.state, name).dtype), getattr(run.state, name).shape[1:])
        for name in sorted(COLUMNS)
    ]
    slots = [(kind.__name__, kind.__slots__) for kind in SAVED]
    return hashlib.sha256(repr((rows, slots)).encode()).hexdigest()[:16]


def numbers_digest(run: Any) -> str:
    columns = assess(run.catalogue, run.state, run.state.stepped_ns)
    numbers = {
        "probability": columns.probability,
        "life": columns.life_days,
        "waiting": columns.waiting_eur,
        **{
            name: getattr(run.state, name)
            for name in ("deviation", "noise", "residual", "severity", "evidence", "spikes")
        },
    }
    said = [(name, [f"{number:.6g}" for number in np.ravel(value)]) for name, value in sorted(numbers.items())]
    alarms = [(change.kind, change.subject, change.raised, change.at_ns) for change in run.changes]
    return hashlib.sha256(repr((said, alarms)).encode()).hexdigest()[:16]


def made_up_site(start_run: Callable[..., Any]) -> Any:
    """Eighteen days of a drive that wears from the sixth on, and whose thermometer turns to Fahrenheit.

    Until 3.50 no value was wild.
    """
    hours = np.arange(DAYS * 24)
    wave = np.sin(hours * 2 * np.pi / 24)
    jitter = np.modf(hours * 0.754877666)[0] - 0.5
    worn = np.clip((hours - 140) / 100.0, 0.0, 1.2)
    air = 12.0 + 4.0 * wave + jitter
    # The first value of one channel and the fortieth of another are wild.
    first, fortieth = np.where(hours == 0, 20.0, 1.0), np.where(hours == 40, 3.0, 1.0)
    return start_run(["vibration_rms", "motor_temperature", "temperature", "traffic_count"], kind=AssetType.LOCK).feed(
        {
            "vibration_rms": first * 0.4 * np.exp(0.05 * jitter + 0.9 * worn),
            "motor_temperature": fortieth * (40.0 + 2.0 * wave + jitter + 25.0 * worn),
            "temperature": np.where(hours < 200, air, 1.8 * air + 32.0),
            "traffic_count": np.round(200.0 + 150.0 * wave + 20.0 * jitter),
        }
    )


def test_layout_and_numbers_are_those_of_the_version(start_run: Callable[..., Any]) -> None:
    run = made_up_site(start_run)
    # A site on which nothing happens would hide most changes.
    assert {"condition.drive_wear", "sensor.units"} <= set(run.kinds())
    assert (layout_digest(run), numbers_digest(run)) == VERSIONS[MODEL_VERSION], (
        f"what the models remember or say is not what version {MODEL_VERSION} remembered or said: raise MODEL_VERSION "
        "in models/state.py, and add its digests here"
    )
