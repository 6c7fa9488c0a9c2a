"""What the map interface answers: OGC API Features, core, and GeoJSON (RFC 7946)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.schemas import Answer, Time

__all__ = ["CollectionItem", "Collections", "Conformance", "Feature", "FeatureCollection", "Landing"]


class Link(BaseModel):
    """Where to go from here."""

    href: str
    rel: str
    type: str
    title: str | None = None


class Landing(Answer):
    """Where a map program begins."""

    title: str
    description: str
    links: list[Link]


class Conformance(Answer):
    """Which classes of the standard hold."""

    conforms_to: list[str]


class CollectionItem(Answer):
    """One collection of features."""

    id: str
    title: str
    description: str
    item_type: Literal["feature"]
    crs: list[str]
    storage_crs: str
    links: list[Link]


class Collections(Answer):
    """All collections."""

    links: list[Link]
    collections: list[CollectionItem]


class Point(BaseModel):
    """A place."""

    type: Literal["Point"]
    coordinates: Annotated[
        list[float], Field(min_length=2, max_length=2, description="Longitude, latitude in degrees (CRS84).")
    ]


class Feature(Answer):
    """One risk, alarm or plan."""

    type: Literal["Feature"]
    id: str
    geometry: Annotated[Point | None, Field(description="Null where the register has no place.")]
    properties: Annotated[
        dict[str, Any],
        Field(description="Members of the item, flat: chances by their horizon, name and kind of the asset beside it."),
    ]


class FeatureCollection(Answer):
    """Part of a collection."""

    type: Literal["FeatureCollection"]
    features: list[Feature]
    number_matched: int
    number_returned: int
    time_stamp: Time
    links: list[Link]
