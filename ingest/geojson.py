"""A GeoJSON FeatureCollection (RFC 7946) as a register: a feature for each asset, its sensors inside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from domain.errors import RegisterError
from ingest.fields import Faults, Fields
from ingest.formats.json_text import check_letters
from ingest.tables import read_text

__all__ = ["Feature", "read_features"]


class Feature(NamedTuple):
    """One asset's fields, and those of each of its channels; None where it does not say which it has."""

    asset: Fields
    sensors: tuple[Fields, ...] | None


def read_features(path: Path, faults: Faults) -> list[Feature]:
    """Read a FeatureCollection.

    A feature's `id` stands in for a property `id`. A point gives `lat` and `lon`; of a line or an area the
    middle of its bounding box is taken. Coordinates are WGS 84, longitude first, as the standard has it.

    Raises
    ------
    RegisterError
        If the file is not a FeatureCollection at all; what is wrong inside it goes to `faults`.
    """
    text = read_text(path)
    try:
        document = json.loads(text)
        check_letters(document)
    except (ValueError, RecursionError) as error:
        raise RegisterError(f"{path}: expected GeoJSON, got text that is not JSON: {error}") from error
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or document.get("type") != "FeatureCollection":
        raise RegisterError(f"{path}: expected an object with type 'FeatureCollection' and an array 'features'")
    found: list[Feature] = []
    for place, feature in enumerate(features):
        where = f"{path}, features[{place}]"
        properties = feature.get("properties") if isinstance(feature, dict) else None
        if not isinstance(properties, dict):
            faults.add(where, feature, "a feature with an object 'properties'")
            continue
        found.append(_read_feature(where, feature, properties, faults))
    return found


def _read_feature(where: str, feature: dict[str, Any], properties: dict[str, Any], faults: Faults) -> Feature:
    """Take one feature apart."""
    values = {name: value for name, value in properties.items() if name != "sensors"}
    if "id" not in values and "id" in feature:
        values["id"] = feature["id"]
    if "lat" not in values and "lon" not in values:
        values |= _middle(where, feature.get("geometry"), faults)
    asset = Fields(where, values, faults)
    if properties.get("sensors") is None:
        return Feature(asset, None)
    sensors = properties["sensors"]
    if not isinstance(sensors, list):
        faults.add(f"{where}, sensors", sensors, "an array with an object for each channel")
        sensors = []
    rows: list[Fields] = []
    for place, sensor in enumerate(sensors):
        inside = f"{where}, sensors[{place}]"
        if isinstance(sensor, dict):
            rows.append(Fields(inside, {**sensor, "asset": values.get("id")}, faults))
        else:
            faults.add(inside, sensor, "an object with sensor, channel, unit, gateway and interval_s")
    return Feature(asset, tuple(rows))


def _middle(where: str, geometry: Any, faults: Faults) -> dict[str, object]:
    """Find where an asset is; nothing for a feature without geometry."""
    if geometry is None:
        return {}
    try:
        points = list(_points(geometry["coordinates"]))
        lons, lats = [lon for lon, _ in points], [lat for _, lat in points]
        return {"lon": (min(lons) + max(lons)) / 2, "lat": (min(lats) + max(lats)) / 2}
    except (KeyError, TypeError, ValueError, IndexError, RecursionError, OverflowError):
        faults.add(f"{where}, geometry", geometry, "a geometry with coordinates of longitude and latitude, or null")
        return {}


def _points(coordinates: Any) -> Iterator[tuple[float, float]]:
    """Walk nested arrays of coordinates down to their positions."""
    if isinstance(coordinates[0], int | float):
        yield float(coordinates[0]), float(coordinates[1])
        return
    for inner in coordinates:
        yield from _points(inner)
