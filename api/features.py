"""Risks, alarms and plans on the map: GeoJSON as OGC API Features has it, longitude before latitude (CRS84)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pydantic import BaseModel

from api.answers import alarm_item, decision_item, risk_item
from api.languages import Language
from api.plans import standing_plans
from api.rooms import ApiRooms
from domain.identifiers import AssetId
from domain.register import Asset
from storage.protocols import RankKey, TimedKey

__all__ = ["COLLECTIONS", "Box", "Collection", "Place", "places_of"]

_WALK: Final = 500

Box = tuple[float, float, float, float]
Source = Callable[[ApiRooms, Language], Iterator[tuple[str, AssetId, Callable[[], BaseModel]]]]


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection of features: its words, and where its items come from."""

    id: str
    title: str
    description: str
    source: Source


def _risks(rooms: ApiRooms, language: Language) -> Iterator[tuple[str, AssetId, Callable[[], BaseModel]]]:
    key: RankKey | None = None
    now_ns = rooms.now_ns()
    while found := rooms.store.risks(after=key, limit=_WALK):
        for _, asset, risk in found:
            yield asset.id, asset.id, partial(risk_item, asset, risk, language, now_ns)
        key = found[-1][0]


def _alarms(rooms: ApiRooms, language: Language) -> Iterator[tuple[str, AssetId, Callable[[], BaseModel]]]:
    key: TimedKey | None = None
    while found := rooms.store.alarms(after=key, limit=_WALK):
        for alarm in found:
            yield alarm.id, alarm.asset, partial(alarm_item, alarm, language)
        key = TimedKey(found[-1].raised_at_ns, found[-1].id)


def _plans(rooms: ApiRooms, _language: Language) -> Iterator[tuple[str, AssetId, Callable[[], BaseModel]]]:
    for plan in standing_plans(rooms):
        yield plan.id, plan.asset, partial(decision_item, plan)


COLLECTIONS: Final[Mapping[str, Collection]] = {
    item.id: item
    for item in (
        Collection("risks", "Risks", "The newest assessment of each asset, most urgent first.", _risks),
        Collection("alarms", "Alarms", "Calls to look, newest first.", _alarms),
        Collection("plans", "Plans", "Planned works that stand, by due date.", _plans),
    )
}


@dataclass(frozen=True, slots=True)
class Place:
    """One item of a collection and where it lies: degrees, or None; its properties are made when they are shown."""

    id: str
    lon: float | None
    lat: float | None
    item: Callable[[], BaseModel]

    def feature(self) -> dict[str, Any]:
        """Give it as GeoJSON."""
        is_placed = self.lon is not None and self.lat is not None
        geometry = {"type": "Point", "coordinates": [self.lon, self.lat]} if is_placed else None
        return {"type": "Feature", "id": self.id, "geometry": geometry, "properties": _flat(self.item())}


def places_of(rooms: ApiRooms, collection: Collection, language: Language, box: Box | None) -> list[Place]:
    """Give the items of a collection in its order; in a box only those that have a place in it."""
    assets = _assets(rooms)
    places = []
    for identifier, asset_id, item in collection.source(rooms, language):
        asset = assets.get(asset_id)
        lon, lat = (None, None) if asset is None else (asset.lon, asset.lat)
        if box is None or (lon is not None and lat is not None and _inside(box, lon, lat)):
            places.append(Place(identifier, lon, lat, item))
    return places


def _flat(item: BaseModel) -> dict[str, Any]:
    """Give properties without nesting where a map program cannot read it: the asset's own, and chances by horizon."""
    data = item.model_dump(mode="json", by_alias=True)
    asset = data.get("asset")
    if isinstance(asset, dict):
        data["asset"], data["assetName"], data["assetType"] = asset["id"], asset["name"], asset["type"]
    for chance in data.pop("probabilityOfFailure", ()):
        data[f"probabilityOfFailure{chance['horizonDays']}Days"] = chance["value"]
    life = data.pop("remainingLifeDays", None)
    if life is not None:
        data["remainingLifeDaysQ50"] = life["q50"]
    return data


def _assets(rooms: ApiRooms) -> dict[AssetId, Asset]:
    assets: dict[AssetId, Asset] = {}
    after: str | None = None
    while found := rooms.store.assets(after=after, limit=_WALK):
        assets |= {asset.id: asset for asset in found}
        after = found[-1].id
    return assets


def _inside(box: Box, lon: float, lat: float) -> bool:
    west, south, east, north = box
    # A box that crosses the date line has its west behind its east.
    across = west <= lon <= east if west <= east else lon >= west or lon <= east
    return across and south <= lat <= north
