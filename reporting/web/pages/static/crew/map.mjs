// The jobs on a map, in step with the list. Loaded with its library when it is looked at; raises
// where the browser cannot draw it.

import * as area from "./area.mjs";
import { button, make } from "./make.mjs";
import { countdown } from "./say.mjs";
import * as place from "./place.mjs";

const LIBRARY = "/static/vendor/maplibre-gl-6.17.0/maplibre-gl";
const READER = "/static/vendor/pmtiles-4.5.0/pmtiles.js";
const STYLE_PATIENCE_MS = 4000;
const LETTERS = ["Arial", "Helvetica", "sans-serif"];
const NEAR = 15.5;
const FINGER_PX = 28;
const COLOURS = { late: "#b3261e", soon: "#a34700", today: "#6b4e00", later: "#0b5394", still: "#4a5c66", done: "#0a6b4b" };
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

let library = null;

function linked(element) {
  const there = new Promise((done, failed) => Object.assign(element, { onload: done, onerror: () => failed(new Error("a file of the map is missing")) }));
  document.head.append(element);
  return there;
}

function load() {
  library ??= Promise.all([
    import(`${LIBRARY}.mjs`),
    linked(make("link", { rel: "stylesheet", href: `${LIBRARY}.css` })),
    linked(make("script", { src: READER })),
  ]).then(([found]) => {
    const reader = new globalThis.pmtiles.Protocol();
    found.addProtocol("pmtiles", reader.tile);
    return { ...found, reader };
  }).catch((error) => { library = null; throw error; });
  return library;
}

// --- The ground ------------------------------------------------------------------------------------

const EMPTY = { version: 8, sources: {}, layers: [{ id: "ground", type: "background", paint: { "background-color": "#eef2f3" } }] };

// {style, said}: the council's file, else its own server while there is signal, else nothing.
async function ground(reader) {
  const kept = await area.source();
  if (kept) {
    try {
      return { style: await ofFile(kept, reader), said: `Map area kept ${Crew.words.ago(kept.at)}` };
    } catch (error) {
      console.warn(`The kept map cannot be read: ${error.message}`);
    }
  }
  const address = document.getElementById("view").dataset.styleUrl;
  if (address && navigator.onLine) {
    try {
      const answer = await fetch(address, { signal: AbortSignal.timeout(STYLE_PATIENCE_MS) });
      if (answer.ok) return { style: await answer.json(), said: "Streets need signal" };
    } catch {
      // As without one.
    }
  }
  return { style: structuredClone(EMPTY), said: "No streets: the lines are wards" };
}

async function ofFile(source, reader) {
  const archive = new globalThis.pmtiles.PMTiles(source);
  reader.add(archive);
  const [header, metadata] = await Promise.all([archive.getHeader(), archive.getMetadata()]);
  const style = structuredClone(EMPTY);
  const common = {
    tiles: [`pmtiles://${source.getKey()}/{z}/{x}/{y}`], minzoom: header.minZoom, maxzoom: header.maxZoom,
    attribution: metadata.attribution ?? "",
  };
  const VECTOR = 1;
  if (header.tileType === VECTOR) {
    style.sources.area = { type: "vector", ...common };
    for (const { id } of metadata.vector_layers ?? []) style.layers.push(...layersOf(id));
  } else {
    style.sources.area = { type: "raster", tileSize: 256, ...common };
    style.layers.push({ id: "area", type: "raster", source: "area", paint: { "raster-saturation": -0.4 } });
  }
  // Whatever the names are, ground lies below lines and lines below words.
  const rank = { background: 0, raster: 0, fill: 1, line: 2, symbol: 3 };
  style.layers.sort((a, b) => rank[a.type] - rank[b.type]);
  return style;
}

// For a layer of any name, by what names of such layers tend to say.
function layersOf(name) {
  const is = (pattern) => pattern.test(name);
  const fill = is(/water|ocean|sea/i) ? "#b7d6ea" : is(/build/i) ? "#cfd4d6" : is(/park|green|wood|forest|grass|landcover|landuse/i) ? "#dcead3" : "#e4e6e1";
  const isRoad = is(/road|street|highway|transport/i);
  const line = is(/water|river/i) ? "#6fa9cc" : isRoad ? "#54646d" : is(/bound|admin/i) ? "#7a6a99" : "#8a979d";
  const width = ["interpolate", ["exponential", 1.5], ["zoom"], 8, 0.5, 14, isRoad ? 2 : 1, 18, isRoad ? 9 : 3];
  const common = { source: "area", "source-layer": name };
  const shape = (type) => ["match", ["geometry-type"], [type, `Multi${type}`], true, false];
  const words = (id, type, placement) => ({
    ...common, id: `area-${name}-${id}`, type: "symbol", minzoom: 12, filter: ["all", shape(type), ["has", "name"]],
    layout: { "text-field": ["get", "name"], "text-font": LETTERS, "text-size": 14, "symbol-placement": placement },
    paint: { "text-color": "#14252e", "text-halo-color": "#ffffff", "text-halo-width": 1.8 },
  });
  return [
    { ...common, id: `area-${name}-fill`, type: "fill", filter: shape("Polygon"), paint: { "fill-color": fill } },
    { ...common, id: `area-${name}-line`, type: "line", filter: shape("LineString"), paint: { "line-color": line, "line-width": width } },
    words("along", "LineString", "line"), words("at", "Point", "point"),
  ];
}

// --- What lies on it ---------------------------------------------------------------------------------

const feature = ({ lng, lat }, properties) => ({ type: "Feature", properties, geometry: { type: "Point", coordinates: [lng, lat] } });
const collection = (features) => ({ type: "FeatureCollection", features });

const drawn = (jobs) => collection(jobs.map((job, i) => {
  const { level } = countdown(job);
  return feature(job.location, { id: job.id, colour: COLOURS[level], rank: i, text: job.priority?.slice(1) ?? "" });
}));

function addLayers(map, wards) {
  map.addSource("wards", { type: "geojson", data: wards?.geojson ?? collection([]) });
  map.addLayer({ id: "wards", type: "line", source: "wards", paint: { "line-color": "#4a3b6b", "line-width": 2, "line-dasharray": [3, 2] } });
  map.addLayer({
    id: "ward-names", type: "symbol", source: "wards", minzoom: 10,
    layout: { "text-field": ["get", "name"], "text-font": LETTERS, "text-size": 15, "text-max-width": 8 },
    paint: { "text-color": "#4a3b6b", "text-halo-color": "#ffffff", "text-halo-width": 2 },
  });
  map.addSource("here", { type: "geojson", data: collection([]) });
  map.addLayer({ id: "here", type: "circle", source: "here", paint: { "circle-radius": 9, "circle-color": "#ffd23f", "circle-stroke-color": "#14252e", "circle-stroke-width": 4 } });
  map.addSource("jobs", { type: "geojson", data: collection([]) });
  map.addLayer({ id: "chosen", type: "circle", source: "jobs", filter: ["==", ["get", "id"], ""], paint: { "circle-radius": 22, "circle-color": "#ffd23f", "circle-stroke-color": "#14252e", "circle-stroke-width": 3 } });
  map.addLayer({
    id: "jobs", type: "circle", source: "jobs", layout: { "circle-sort-key": ["-", 0, ["get", "rank"]] },
    paint: { "circle-radius": ["interpolate", ["linear"], ["zoom"], 9, 8, 14, 14], "circle-color": ["get", "colour"], "circle-stroke-color": "#ffffff", "circle-stroke-width": 2.5 },
  });
  map.addLayer({
    id: "job-marks", type: "symbol", source: "jobs", minzoom: 10, layout: { "text-field": ["get", "text"], "text-font": LETTERS, "text-size": 14, "text-allow-overlap": true, "text-ignore-placement": true },
    paint: { "text-color": "#ffffff" },
  });
}

export async function draw(frame, { jobs, here, chosen, pointed = null }) {
  const { Map: Drawn, AttributionControl, LngLatBounds, reader } = await load();
  const fresh = area.refresh();
  if (!(await area.outlines()) && !(await area.source())) await Promise.race([fresh, new Promise((over) => setTimeout(over, STYLE_PATIENCE_MS))]);
  const [{ style, said }, wards] = await Promise.all([ground(reader), area.outlines()]);
  const canvas = make("div", { class: "map-canvas" });
  const note = make("p", { class: "map-said" }, said);
  const zoom = (by) => map.zoomTo(Math.round(map.getZoom() + by), { duration: still ? 0 : 150 });
  const pad = make("div", { class: "map-pad", role: "group", "aria-label": "Move the map" },
    button("+", () => zoom(1), "plain", { "aria-label": "Closer" }), button("−", () => zoom(-1), "plain", { "aria-label": "Farther" }),
    button("All", () => fit(), "plain", { "aria-label": "Show all jobs" }));
  frame.replaceChildren(canvas, pad, note);
  let map;
  try {
    map = new Drawn({
      container: canvas, style, fadeDuration: 0, attributionControl: false, dragRotate: false, pitchWithRotate: false,
      touchPitch: false, maxZoom: 19, center: [-2.5, 54.2], zoom: 5, locale: { "Map.Title": "Map of the jobs" },
    });
  } catch (error) {
    frame.replaceChildren();
    throw error;
  }
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new AttributionControl({ compact: false }));
  map.on("error", ({ error }) => console.warn(`map: ${error?.message}`));
  map.on("idle", () => { if (map.getSource("jobs")) frame.dataset.map = "ready"; });
  let shown = jobs;
  let at = here;
  const loaded = new Promise((done) => map.once("load", () => { addLayers(map, wards); done(); }));

  function fit(duration = still ? 0 : 300) {
    const box = new LngLatBounds();
    for (const { location } of shown) box.extend([location.lng, location.lat]);
    if (at && shown.length && place.distance(at, shown[0].location) < 100_000) box.extend([at.lng, at.lat]);
    for (const each of shown.length ? [] : wards?.geojson.features ?? []) for (const point of each.geometry.coordinates.flat(3).reduce(pairs, [])) box.extend(point);
    if (!box.isEmpty()) map.fitBounds(box, { padding: 48, maxZoom: NEAR, duration });
  }

  map.on("click", ({ point, lngLat }) => {
    if (pointed) return pointed({ lat: lngLat.lat, lng: lngLat.lng });
    const box = [[point.x - FINGER_PX, point.y - FINGER_PX], [point.x + FINGER_PX, point.y + FINGER_PX]];
    const hit = map.queryRenderedFeatures(box, { layers: ["jobs"] });
    const far = (found) => { const p = map.project(found.geometry.coordinates); return Math.hypot(p.x - point.x, p.y - point.y); };
    hit.sort((a, b) => far(a) - far(b));
    if (hit.length) chosen(hit[0].properties.id);
  });

  fit(0);
  return {
    show(found, place_now) {
      [shown, at] = [found, place_now];
      loaded.then(() => {
        map.getSource("jobs").setData(drawn(found));
        map.getSource("here").setData(collection(at ? [feature(at, {})] : []));
      });
    },
    select(id, fly) {
      loaded.then(() => map.setFilter("chosen", ["==", ["get", "id"], id ?? ""]));
      const job = fly && shown.find((each) => each.id === id);
      if (job) map.easeTo({ center: job.location, zoom: Math.max(map.getZoom(), NEAR), duration: still ? 0 : 300 });
    },
    remove: () => map.remove(),
  };
}

// A flat list of numbers as points.
function pairs(all, number, i) {
  if (i % 2) all.at(-1).push(number);
  else all.push([number]);
  return all;
}
