"""What an accelerometer on a machine's bearing housing records: shaft, gears, and a bearing that strikes.

Theory of operation. A sound machine hums: harmonics of its shaft and the mesh of its gears, in broadband noise. A
pit in a bearing's outer race is struck by every ball, at the ball-pass frequency; each strike rings the
housing at its own resonance and dies out, and as balls slip a little the strikes are not quite regular
(McFadden and Smith, J. Sound Vib. 96, 1984; Randall and Antoni, Mech. Syst. Signal Process. 25, 2011). Worn gears mesh
unevenly once a turn: the mesh grows sidebands at the shaft's distance. So the spectrum of the envelope shows
the ball-pass frequency, the kurtosis climbs with the strikes and not with the gears, and the root mean square
with both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy  # loads `scipy.signal`, a third of a start, where it is first used: a register needs none

from domain.arrays import FloatArray

__all__ = ["MACHINE_SCALE_M_S2", "Machine", "draw_machine", "synthesise_machine"]

# Step of the 16-bit samples: a range of 160 m/s2.
MACHINE_SCALE_M_S2: Final = 5e-3

_SLIP: Final = 0.01
_RESONANCE_DAMPING: Final = 0.06
# Shares of the sound machine's power.
_SHAFT_SHARE: Final = 0.3
_MESH_SHARE: Final = 0.3
_NOISE_SHARE: Final = 0.4
# Root mean square at the failure level, in those of the sound machine, see `simulator.drives`.
_WORN_RMS: Final = 2.5
_SIDEBANDS: Final = 3


@dataclass(frozen=True, slots=True)
class Machine:
    """A rotating machine as its accelerometer knows it.

    Attributes
    ----------
    shaft_hz, mesh_hz, ball_pass_hz, resonance_hz : float
        Turns a second, teeth a second, balls over one point of the outer race a second, and where the housing rings.
    acceleration_m_s2 : float
        Root mean square when sound.
    """

    shaft_hz: float
    mesh_hz: float
    ball_pass_hz: float
    resonance_hz: float
    acceleration_m_s2: float


def draw_machine(chance: np.random.Generator) -> Machine:
    """Draw a motor of about 1450 turns a minute with a ball bearing and a first gear of 17 to 23 teeth."""
    shaft = float(chance.uniform(23.5, 24.8))
    return Machine(
        shaft_hz=shaft,
        mesh_hz=shaft * int(chance.integers(17, 24)),
        # Common deep-groove bearings: 3.0 to 3.6 balls a turn.
        ball_pass_hz=shaft * float(chance.uniform(3.0, 3.6)),
        resonance_hz=float(chance.uniform(1300.0, 1700.0)),
        acceleration_m_s2=float(chance.uniform(0.6, 1.2)),
    )


def synthesise_machine(
    chance: np.random.Generator,
    machine: Machine,
    *,
    wear: float,
    gear: float,
    load: float,
    sampling_rate_hz: float,
    samples: int,
) -> FloatArray:
    """Make a stretch of acceleration of a running machine.

    Parameters
    ----------
    wear, gear : float
        Severity of the bearing's and the gears' wear, 0 sound, 1 at the failure level.
    load : float
        Relative to average; the mesh follows it.
    sampling_rate_hz : float
        Above twice the resonance.
    samples : int
        Length.

    Returns
    -------
    float64[samples]
        m/s2; each wear alone lets the root mean square grow in proportion, to 2.5 times the sound one at 1.
    """
    time_s = np.arange(samples) / sampling_rate_hz
    power = machine.acceleration_m_s2**2
    phase = chance.uniform(0.0, 2.0 * np.pi, 2 * _SIDEBANDS + 4)
    turn = 2.0 * np.pi * machine.shaft_hz * time_s
    shaft = np.cos(turn + phase[0]) + 0.5 * np.cos(2.0 * turn + phase[1]) + 0.25 * np.cos(3.0 * turn + phase[2])
    signal = _sized(shaft, _SHAFT_SHARE * power)
    mesh_angle = 2.0 * np.pi * machine.mesh_hz * time_s + phase[3]
    signal += _sized(np.cos(mesh_angle), _MESH_SHARE * power * (0.5 + 0.5 * load))
    signal += np.sqrt(_NOISE_SHARE * power) * chance.standard_normal(samples)
    if gear > 0.0:
        sidebands = sum(
            (np.cos(mesh_angle + k * turn + phase[2 * k + 2]) + np.cos(mesh_angle - k * turn + phase[2 * k + 3])) / k
            for k in range(1, _SIDEBANDS + 1)
        )
        signal += _sized(np.asarray(sidebands), _grown(gear) * power)
    if wear > 0.0:
        signal += _sized(_strikes(chance, machine, sampling_rate_hz, samples), _grown(wear) * power)
    return signal


def _grown(severity: float) -> float:
    """Power that a severity adds, in powers of the sound machine: the root mean square grows in proportion."""
    return (1.0 + (_WORN_RMS - 1.0) * severity) ** 2 - 1.0


def _strikes(chance: np.random.Generator, machine: Machine, sampling_rate_hz: float, samples: int) -> FloatArray:
    """Let every ball strike the pit, and the housing ring."""
    count = int(samples / sampling_rate_hz * machine.ball_pass_hz) + 3
    gaps = 1.0 + _SLIP * chance.standard_normal(count)
    moments_s = (np.cumsum(gaps) - chance.uniform(0.0, 2.0)) / machine.ball_pass_hz
    place = np.round(moments_s * sampling_rate_hz).astype(np.int64)
    inside = (place >= 0) & (place < samples)
    blows = np.zeros(samples)
    blows[place[inside]] = 1.0 + 0.2 * chance.standard_normal(int(inside.sum()))
    angle = 2.0 * np.pi * machine.resonance_hz / sampling_rate_hz
    radius = np.exp(-_RESONANCE_DAMPING * angle)
    ringing: FloatArray = scipy.signal.lfilter(
        [radius * np.sin(angle)], [1.0, -2.0 * radius * np.cos(angle), radius**2], blows
    )
    return ringing


def _sized(signal: FloatArray, power: float) -> FloatArray:
    """Scale a signal to a mean square."""
    sized: FloatArray = signal * np.sqrt(power / np.mean(signal**2))
    return sized
