"""The register as its owner keeps it, into the one that Schouw works with.

Two forms are taken (design.md section 6): CSV tables of assets and of sensors, told apart by their columns,
or one GeoJSON FeatureCollection with a feature for each asset. Defaults are filled in here, so that what
comes out is final; the owner's own columns stay beside an asset, unchanged. Either all of an import is
sound or nothing of it is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from domain.errors import RegisterError
from domain.identifiers import AssetId, is_identifier
from domain.register import Asset, AssetType, Register, Works
from ingest.fields import Faults, Fields
from ingest.geojson import read_features
from ingest.sensors import read_channels
from ingest.tables import read_table
from ingest.works import read_works_rows

__all__ = [
    "ASSET_COLUMNS",
    "RegisterFiles",
    "read_register",
    "read_register_files",
    "read_works",
]

# Emergency repairs cost three times planned ones unless the owner knows better; either follows from the other.
_EMERGENCY_FACTOR: Final = 3.0
# More than any structure costs, and little enough to be counted with.
_MOST_EUR: Final = 1e12
_MOST_HOURS: Final = 1e6
_MOST_LEAD_DAYS: Final = 36_525.0
ASSET_COLUMNS: Final = frozenset(
    {
        "id",
        "name",
        "type",
        "lat",
        "lon",
        "built_year",
        "planned_repair_cost_eur",
        "emergency_repair_cost_eur",
        "closure_hours",
        "closure_cost_eur_per_hour",
        "crew_lead_days",
        "condition_inspected",
        "inspected_on",
        "organisation",
    }
)
_SENSOR_REQUIRED: Final = ("asset", "sensor", "channel", "gateway", "interval_s")
_ORGANISATION_CHARACTERS: Final = 64


class RegisterFiles(NamedTuple):
    """What the files of one import hold.

    Attributes
    ----------
    register : Register
        Sorted by identifier, without works.
    has_sensors : bool
        Whether a table of sensors is among them, or a GeoJSON feature with `sensors`, be they empty.
    """

    register: Register
    has_sensors: bool


def read_register(paths: Sequence[Path]) -> Register:
    """Read a register from files that hold all of it; arguments and errors are those of `read_register_files`."""
    return read_register_files(paths).register


def read_register_files(paths: Sequence[Path], *, today: date | None = None) -> RegisterFiles:
    """Read a register from CSV tables or GeoJSON files.

    Parameters
    ----------
    paths : sequence of Path
        `.json` and `.geojson` are GeoJSON; everything else is a table, of sensors when it has a column
        `sensor`, of assets otherwise. Several of a kind are put together.
    today : date or None
        The last day on which anything can have been inspected; None: any.

    Raises
    ------
    RegisterError
        With every fault found (up to fifty): file, line, column, what was got and what was expected.
    """
    faults = Faults()
    asset_rows: list[Fields] = []
    sensor_rows: list[Fields] = []
    has_sensors = has_assets = False
    for path in paths:
        if path.suffix.lower() in {".json", ".geojson"}:
            has_assets = True
            for feature in read_features(path, faults):
                asset_rows.append(feature.asset)
                if feature.sensors is not None:
                    has_sensors = True
                    sensor_rows += feature.sensors
            continue
        table = read_table(path, faults)
        is_sensors = "sensor" in table.columns
        has_sensors, has_assets = has_sensors or is_sensors, has_assets or not is_sensors
        if table.has_columns(_SENSOR_REQUIRED if is_sensors else ("id", "type"), faults):
            (sensor_rows if is_sensors else asset_rows).extend(table.rows)
    if faults.found and not asset_rows:
        faults.check()  # without assets every sensor would be at fault
    if has_sensors and not has_assets:
        raise RegisterError(
            f"got sensors without assets in {', '.join(map(str, paths))}, expected a table of assets beside them; "
            "give assets.csv and sensors.csv together"
        )
    assets = _read_assets(asset_rows, today)
    channels = read_channels(sensor_rows, {asset.id for asset in assets})
    faults.check()
    if not assets:
        raise RegisterError(f"got no assets in {', '.join(map(str, paths)) or 'no files'}, expected at least one")
    return RegisterFiles(_sorted(Register(assets=tuple(assets), channels=tuple(channels))), has_sensors)


def read_works(path: Path, register: Register) -> tuple[Works, ...]:
    """Read works announced beforehand from a table with the columns of `works.csv`.

    Parameters
    ----------
    path : Path
        Columns `asset,kind,sensor,start,end`. Times are ISO 8601, UTC where no zone is given; a date alone
        is the start of that day for `start`, and includes that day for `end`.
    register : Register
        What assets and sensors are looked up in.

    Returns
    -------
    tuple of Works
        Sorted by asset and start.

    Raises
    ------
    RegisterError
        With every fault found, as `read_register`.
    """
    faults = Faults()
    table = read_table(path, faults)
    complete = table.has_columns(("asset", "kind", "start", "end"), faults)
    works = read_works_rows(table.rows, register) if complete else ()
    faults.check()
    return _sorted(Register(works=works)).works


def _sorted(register: Register) -> Register:
    return Register(
        assets=tuple(sorted(register.assets, key=lambda asset: asset.id)),
        channels=tuple(sorted(register.channels, key=lambda channel: channel.key)),
        works=tuple(sorted(register.works, key=lambda w: (w.asset, w.start_ns, w.end_ns, w.kind, w.sensor or ""))),
    )


def _read_assets(rows: Iterable[Fields], today: date | None) -> list[Asset]:
    """Read rows of assets, noting an identifier that comes twice."""
    assets: dict[AssetId, Asset] = {}
    first: dict[AssetId, str] = {}
    for row in rows:
        asset = _read_asset(row, today)
        if not is_identifier(asset.id):
            continue
        if asset.id in assets:
            row.fault("id", f"each asset once; it stands in {first[asset.id]} already")
            continue
        assets[asset.id] = asset
        first[asset.id] = row.where
    return list(assets.values())


def _read_asset(row: Fields, today: date | None) -> Asset:
    """Read one row of assets; faults are noted in the row's own list."""
    identifier = row.identifier("id")
    kind = row.choice("type", AssetType)
    if not row.has("type"):
        row.fault("type", "one of {choices}", choices=tuple(AssetType))
    planned = row.number("planned_repair_cost_eur", low=0, high=_MOST_EUR)
    emergency = row.number("emergency_repair_cost_eur", low=0, high=_MOST_EUR)
    # A repair that costs nothing does not exist: exports write 0 for a cost that nobody knows.
    if not emergency and planned:
        emergency = _EMERGENCY_FACTOR * planned
    elif not planned and emergency:
        planned = emergency / _EMERGENCY_FACTOR
    lat = row.number("lat", low=-90, high=90, may_have_thousands=False)
    lon = row.number("lon", low=-180, high=180, may_have_thousands=False)
    if row.has("lat") != row.has("lon"):
        row.fault("lat" if row.has("lon") else "lon", "both lat and lon, or neither")
    organisation = row.text("organisation")
    if len(organisation) > _ORGANISATION_CHARACTERS:
        row.fault("organisation", f"at most {_ORGANISATION_CHARACTERS} characters")
    return Asset(
        id=AssetId(identifier),
        name=row.text("name") or identifier,
        type=kind or AssetType.OTHER,
        lat=lat,
        lon=lon,
        built_year=row.whole("built_year", low=1, high=9999),
        planned_repair_cost_eur=planned,
        emergency_repair_cost_eur=emergency,
        closure_hours=row.number("closure_hours", low=0, high=_MOST_HOURS),
        closure_cost_eur_per_hour=row.number("closure_cost_eur_per_hour", low=0, high=_MOST_EUR),
        crew_lead_days=row.number("crew_lead_days", low=0, high=_MOST_LEAD_DAYS),
        condition_inspected=row.whole("condition_inspected", low=1, high=6),
        inspected_on=row.day("inspected_on", latest=today),
        external_ids=_external_ids(row),
        organisation=organisation,
    )


def _external_ids(row: Fields) -> dict[str, str]:
    """Keep every other column that holds something, as it stands there."""
    kept: dict[str, str] = {}
    for name, value in row.values.items():
        if name in ASSET_COLUMNS or not row.has(name):
            continue
        kept[name] = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return kept
