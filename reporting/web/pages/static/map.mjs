// The map: a cross in its middle, and the wards drawn under it. Loaded when it is needed, and the
// library with it; raises where the browser cannot draw it.

import { say } from "./words.mjs";

const STYLE_PATIENCE_MS = 4000;
const NEAR = 16.5; // close enough to tell two potholes apart
const STEP_PX = 60;
const CROSS_PX = 6; // how well anybody aims
const ASIDE = { up: [0, -1], down: [0, 1], left: [-1, 0], right: [1, 0] };
const TINTS = ["#f6f1df", "#e3eedd", "#efe4ee", "#e2e8f5", "#f7e6d8", "#dcecec", "#eef0c8"];
const LETTERS = ["Arial", "Helvetica", "sans-serif"];
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const frame = document.getElementById("map");

let library = null;

// Squares of paper, so that the ground is seen to move where a map has no streets.
function paper() {
  const size = 64;
  const data = new Uint8Array(size * size * 4);
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      const line = x === 0 || y === 0 ? 46 : x % 16 === 0 || y % 16 === 0 ? 18 : 0;
      data.set([20, 37, 46, line], (y * size + x) * 4);
    }
  }
  return { width: size, height: size, data };
}

async function load() {
  library ??= Promise.all([import(frame.dataset.module), sheet(frame.dataset.sheet)]).then(([found]) => found);
  return library;
}

function sheet(address) {
  const link = document.createElement("link");
  Object.assign(link, { rel: "stylesheet", href: address });
  const there = new Promise((done, failed) => Object.assign(link, { onload: done, onerror: failed }));
  document.head.append(link);
  return there;
}

// Streets from the council's own server, if it names one and it answers soon; else plain ground.
async function ground() {
  const address = frame.dataset.styleUrl;
  try {
    if (address) {
      const answer = await fetch(address, { signal: AbortSignal.timeout(STYLE_PATIENCE_MS) });
      if (answer.ok) return { style: await answer.json(), isOurs: false };
    }
  } catch {
    // As without one.
  }
  const layers = [{ id: "kerbline-sea", type: "background", paint: { "background-color": "#dbe9f1" } }];
  return { style: { version: 8, sources: {}, layers }, isOurs: true };
}

function addWards(map, isOurs) {
  const tiles = [`${location.origin}/v1/tiles/wards/{z}/{x}/{y}.mvt`];
  map.addSource("kerbline-areas", { type: "vector", tiles, minzoom: 4, maxzoom: 14 });
  const area = (id, type, filter, paint, more = {}) =>
    map.addLayer({ id: `kerbline-${id}`, type, source: "kerbline-areas", "source-layer": "areas", filter, paint, ...more });
  const ward = ["==", ["get", "kind"], "ward"];
  const zone = (kind) => ["==", ["get", "zone_type"], kind];
  if (isOurs) {
    const tint = ["match", ["get", "tint"], ...TINTS.flatMap((color, n) => [n, color]), "#f3f6f7"];
    area("ward", "fill", ward, { "fill-color": tint });
    map.addImage("kerbline-paper", paper());
    area("paper", "fill", ward, { "fill-pattern": "kerbline-paper" }, { minzoom: 13 });
    area("park", "fill", zone("park"), { "fill-color": "#b5d9ac" });
    area("school", "fill", zone("school"), { "fill-color": "#e3c3d2" });
    area("road", "fill", zone("trunk_road"), { "fill-color": "#5d6f79" });
    area("road-edge", "line", zone("trunk_road"), { "line-color": "#5d6f79", "line-width": 3 });
  }
  area("ward-line", "line", ward, { "line-color": "#6f8076", "line-width": ["interpolate", ["linear"], ["zoom"], 8, 0.6, 15, 2], "line-dasharray": isOurs ? [1] : [3, 2] });
  area("council-line", "line", ["==", ["get", "kind"], "authority"], { "line-color": "#4a3b6b", "line-width": 2.5 });
  map.addLayer({
    id: "kerbline-name", type: "symbol", source: "kerbline-areas", "source-layer": "names",
    layout: { "text-field": ["get", "name"], "text-font": LETTERS, "text-size": ["interpolate", ["linear"], ["zoom"], 9, 11, 15, 17], "text-max-width": 8 },
    paint: { "text-color": "#14252e", "text-halo-color": "#ffffff", "text-halo-width": 1.6 },
  });
  map.addSource("kerbline-sure", { type: "geojson", data: ring(null) });
  map.addLayer({ id: "kerbline-sure", type: "fill", source: "kerbline-sure", paint: { "fill-color": "#0b5394", "fill-opacity": 0.16, "fill-outline-color": "#0b5394" } });
}

// The circle that holds where the phone is.
function ring(place, radius_m = 0) {
  const points = Array.from({ length: 65 }, (_, n) => {
    const turn = (n / 64) * 2 * Math.PI;
    const north = (radius_m / 111_320) * Math.sin(turn);
    const east = (radius_m / 111_320 / Math.cos(((place?.lat ?? 0) * Math.PI) / 180)) * Math.cos(turn);
    return [(place?.lng ?? 0) + east, (place?.lat ?? 0) + north];
  });
  const features = place && radius_m ? [{ type: "Feature", properties: {}, geometry: { type: "Polygon", coordinates: [points] } }] : [];
  return { type: "FeatureCollection", features };
}

async function make(element, options) {
  const [{ Map: Drawn, AttributionControl, ScaleControl }, { style, isOurs }] = await Promise.all([load(), ground()]);
  const map = new Drawn({
    container: element, style, fadeDuration: 0, attributionControl: false, dragRotate: false,
    pitchWithRotate: false, touchPitch: false, maxZoom: 19, locale: { "Map.Title": say("mapLabel") }, ...options,
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  if (!isOurs) map.addControl(new AttributionControl({ compact: true }));
  map.addControl(new ScaleControl({ maxWidth: 90 }), "bottom-left");
  const loaded = new Promise((done) => map.once("load", () => { addWards(map, isOurs); done(); }));
  return { map, loaded };
}

const bounds = () => frame.dataset.bounds?.split(",").map(Number);

// The map to choose a place on. `moved` hears of every place that a person chose.
export async function draw(element, { at, moved }) {
  const start = at ? { center: at, zoom: NEAR } : bounds() ? { bounds: bounds(), fitBoundsOptions: { padding: 12 } } : { center: [-2.5, 54.2], zoom: 4.6 };
  const { map, loaded } = await make(document.getElementById("canvas"), start);
  const chosen = { byHand: true }; // a person asked for this move; our own do not count

  map.on("moveend", (event) => {
    if (!event.originalEvent && !event.byHand) return;
    const { lat, lng } = map.getCenter();
    const metres = (40_075_017 * Math.cos((lat * Math.PI) / 180)) / 2 ** (map.getZoom() + 9);
    moved({ lat, lng }, metres * CROSS_PX);
  });
  map.on("click", (event) => map.easeTo({ center: event.lngLat, zoom: Math.max(map.getZoom(), Math.min(map.getZoom() + 2.5, NEAR)), duration: still ? 0 : 250 }, chosen));
  map.on("idle", () => document.body.setAttribute("data-map", "ready"));
  document.getElementById("pad").addEventListener("click", (event) => {
    const way = event.target.closest("button")?.dataset.way;
    if (way in ASIDE) map.panBy(ASIDE[way].map((each) => each * STEP_PX), { duration: still ? 0 : 150 }, chosen);
    else if (way) map.zoomTo(Math.round(map.getZoom() + (way === "plus" ? 1 : -1)), { duration: still ? 0 : 150 }, chosen);
  });
  element.classList.add("is-ready");

  const circle = (place, accuracy_m) => loaded.then(() => map.getSource("kerbline-sure").setData(ring(place, accuracy_m ?? 0)));

  return {
    circle,
    show(place, accuracy_m = null) {
      const zoom = Math.max(map.getZoom(), accuracy_m > 300 ? 14 : NEAR);
      map.jumpTo({ center: place, zoom });
      circle(place, accuracy_m);
    },
  };
}

// A picture of what is known near a place: the place, and a numbered marker for each.
export async function drawNear(element, place, jobs) {
  const { Marker, LngLatBounds } = await load();
  const box = jobs.reduce((all, { location: { lat, lng } }) => all.extend([lng, lat]), new LngLatBounds(place, place));
  const { map } = await make(element, { bounds: box, fitBoundsOptions: { padding: 44, maxZoom: 18 }, interactive: false });
  map.getCanvas().setAttribute("tabindex", "-1");
  jobs.forEach(({ location: { lat, lng } }, index) => {
    const pin = document.createElement("div");
    pin.className = "marker";
    pin.append(Object.assign(document.createElement("b"), { textContent: index + 1 }));
    new Marker({ element: Object.assign(document.createElement("div"), { ariaHidden: "true" }), anchor: "bottom-left" }).setLngLat([lng, lat]).addTo(map).getElement().append(pin);
  });
  new Marker({ color: "#b3261e" }).setLngLat(place).addTo(map).getElement().setAttribute("aria-hidden", "true");
  return map;
}
