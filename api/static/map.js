// The map: Leaflet over signs that the server gathered; nothing here decides what a state means.
const box = document.getElementById("map");

if (box && window.L) {
  const L = window.L;
  const data = box.dataset;
  box.hidden = false;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", data.label);
  const moves = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = L.map(box, {
    zoomControl: false,
    attributionControl: Boolean(data.attribution),
    maxZoom: 19,
    zoomAnimation: moves,
    markerZoomAnimation: moves,
    fadeAnimation: moves,
    inertia: moves,
  });
  L.control.zoom({ zoomInTitle: data.zoomIn, zoomOutTitle: data.zoomOut }).addTo(map);
  if (map.attributionControl) map.attributionControl.setPrefix(false);
  if (data.tiles) L.tileLayer(data.tiles, { maxZoom: 19, attribution: data.attribution }).addTo(map);
  const [south, west, north, east] = data.bounds.split(",").map(Number);
  map.fitBounds([[south, west], [north, east]], { padding: [40, 40], maxZoom: 15 });
  const layer = L.layerGroup().addTo(map);
  let newest = 0;

  const sign = (place) =>
    L.divIcon({
      className: `sign ${place.state}${place.count > 999 ? " most" : place.count > 99 ? " many" : ""}`,
      html: place.count > 1 ? String(place.count) : "",
      iconSize: place.count > 999 ? [46, 46] : place.count > 1 ? [36, 36] : [24, 24],
    });

  const show = (places) => {
    layer.clearLayers();
    for (const place of places) {
      const marker = L.marker([place.lat, place.lon], {
        icon: sign(place),
        keyboard: true,
        title: place.label,
        zIndexOffset: place.count > 1 ? 1000 : 0, // a count stays readable beside a single sign
        alt: place.label,
      });
      marker.on("click", () => {
        if (place.id) window.location.assign(data.asset.replace("_", encodeURIComponent(place.id)));
        else map.setView([place.lat, place.lon], Math.min(map.getZoom() + 2, 19));
      });
      marker.addTo(layer);
      const element = marker.getElement();
      element.setAttribute("role", place.id ? "link" : "button");
      element.setAttribute("aria-label", place.label);
    }
  };

  const load = async () => {
    const mine = ++newest;
    const view = map.getBounds().pad(0.2);
    const clamp = (value, most) => Math.max(-most, Math.min(most, value));
    const asked = new URLSearchParams({
      south: clamp(view.getSouth(), 90),
      west: clamp(view.getWest(), 540),
      north: clamp(view.getNorth(), 90),
      east: clamp(view.getEast(), 540),
      zoom: map.getZoom(),
      lang: data.lang,
    });
    const answer = await fetch(`/map/places?${asked}`);
    if (answer.ok && mine === newest) show((await answer.json()).items);
  };

  map.on("moveend", load);
  load();
}
