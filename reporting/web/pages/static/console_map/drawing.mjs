// The map itself: wards coloured by the table's rows, heat and jobs from tiles. Raises where the
// browser cannot draw it.

import { BUFFERS, JOBS_FROM, addJobs, addLayers, ground, still } from "./layers.mjs";
import { make } from "./make.mjs";
import { boxOf, inside } from "./shapes.mjs";

const NEAREST = 18;
const FINGER_PX = 12;
const SETTLE_MS = 400;
// What the library draws of a cell in its own middle, in the next ones' and in the corners'.
const OWN = 0.4;
const BESIDE = 0.41;
const ACROSS = 0.17;
const MOST_AHEAD = 24;
const STATUSES = ["received", "scheduled", "in_progress", "waiting", "referred", "fixed", "closed"];

function sheet(address) {
  const link = make("link", { rel: "stylesheet", href: address });
  const there = new Promise((done, failed) => Object.assign(link, { onload: done, onerror: () => failed(new Error("a file of the map is missing")) }));
  document.head.append(link);
  return there;
}

// --- The map -----------------------------------------------------------------------------------------------

async function outlines(authority, at) {
  const answer = await fetch(`/v1/wards?${new URLSearchParams({ authority, at })}`);
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.json();
}

export async function drawn(frame, { at, bounds, vintage, day, unit, choose, moved, failed, opened }) {
  const { module, sheet: css, styleUrl, authority } = frame.dataset;
  const [library, { style: base, isOurs }] = await Promise.all([import(module), ground(styleUrl), sheet(css)]);
  const canvas = frame.querySelector("#map");
  const home = () => whole ?? bounds;
  let whole = null;
  let wards = { type: "FeatureCollection", features: [] };
  const noWards = "The wards could not be fetched, so the map is not drawn. The tables below are whole.";
  try {
    wards = await outlines(authority, day);
  } catch {
    failed(noWards, () => location.reload());
  }
  if (wards.features.length) {
    const boxes = wards.features.map(({ geometry }) => boxOf(geometry));
    whole = [0, 1, 2, 3].map((i) => Math[i < 2 ? "min" : "max"](...boxes.map((each) => each[i])));
  }
  const [lat, lng, zoom] = (at ?? "").split(",").map(Number);
  const start = at && [lat, lng, zoom].every(Number.isFinite) ? { center: [lng, lat], zoom } : { bounds: home(), fitBoundsOptions: { padding: 24 } };
  canvas.hidden = false;
  document.documentElement.classList.add("is-drawn");
  let map;
  try {
    map = new library.Map({
      container: canvas, style: base, fadeDuration: 0, attributionControl: false, dragRotate: false, pitchWithRotate: false,
      touchPitch: false, maxZoom: NEAREST, cooperativeGestures: false, locale: { "Map.Title": "Map. Arrow keys move it, plus and minus zoom; the table has every number." }, ...start,
    });
  } catch (error) {
    canvas.hidden = true;
    document.documentElement.classList.remove("is-drawn");
    throw error;
  }
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  if (!isOurs) map.addControl(new library.AttributionControl({ compact: true }));
  map.addControl(new library.ScaleControl({ maxWidth: 110 }), "bottom-right");
  await new Promise((done) => map.once("load", done));
  addLayers(map, wards, isOurs);

  const inView = { view: "wards", rows: [], byCode: new Map(), chosen: null, buffer: "a", ask: null, jobs: null, most: 0, together: 0, mostFor: "" };
  let places = new Map();
  const place = ({ features }) => (places = new Map(features.map(({ properties, geometry }) => [properties.code, { name: properties.name, at: inside(geometry), box: boxOf(geometry) }])));
  place(wards);

  // Other boundaries were in force on another day.
  let drawnOf = vintage;
  async function redraw(next) {
    drawnOf = next.vintage;
    try {
      const found = await outlines(authority, next.day);
      if (drawnOf !== next.vintage) return;
      wards = found;
      place(wards);
      map.removeFeatureState({ source: "kerbline-wards" });
      map.getSource("kerbline-wards").setData(wards);
      show(last);
    } catch {
      failed("The wards of those days could not be fetched: the lines are today’s. The tables below are whole.", retry);
      drawnOf = null;
    }
  }

  // The library draws anew also when nothing changes by it: idle maps would never rest.
  const paint = (id, name, value) => map.getPaintProperty(id, name) === value || map.setPaintProperty(id, name, value);
  const sure = (id, on) => {
    const value = on ? "visible" : "none";
    if (map.getLayoutProperty(id, "visibility") !== value) map.setLayoutProperty(id, "visibility", value);
  };
  const feature = (code) => ({ source: "kerbline-wards", id: code });

  // --- Heat

  const heat = (ask) => `${location.origin}/v1/tiles/heat/{z}/{x}/{y}.mvt?${ask}`;

  function showHeat(ask) {
    const text = String(ask);
    if (text === inView.ask) return;
    inView.ask = text;
    // The one that is not seen takes the new window, also when it was still waiting for another.
    const next = BUFFERS.find((each) => each !== inView.buffer);
    map.getSource(`kerbline-heat-${next}`).setTiles([heat(ask)]);
    for (const id of [`kerbline-heat-${next}`, `kerbline-shared-${next}`]) sure(id, true);
    const swap = () => {
      if (inView.ask !== text || inView.view === "wards") return;
      if (!map.isSourceLoaded(`kerbline-heat-${next}`)) return void map.once("idle", swap);
      inView.buffer = next;
      asView();
    };
    map.once("idle", swap);
  }

  function reveal() {
    const isHeat = inView.view === "heat" || (inView.view === "points" && tooMany());
    for (const each of BUFFERS) {
      const on = each === inView.buffer && inView.view !== "wards";
      paint(`kerbline-heat-${each}`, "heatmap-opacity", on && isHeat ? 0.9 : 0);
      paint(`kerbline-shared-${each}`, "text-opacity", on ? 1 : 0);
    }
  }

  const cells = () => map.querySourceFeatures(`kerbline-heat-${inView.buffer}`, { sourceLayer: "cells" });

  // The darkest is where most lie together in what is seen. While days slide by at one zoom it stays
  // as it was, unless there is more: or every window would look alike.
  function measure() {
    if (inView.view === "wards") return;
    const key = `${Math.floor(map.getZoom())} ${(inView.ask ?? "").replace(/(from|to)=[^&]*&?/g, "")}`;
    const box = map.getBounds();
    const near = cells().filter(({ geometry }) => box.contains(geometry.coordinates));
    const { most, together } = hottest(near);
    Object.assign(inView, key === inView.mostFor
      ? { most: Math.max(inView.most, most), together: Math.max(inView.together, together) }
      : { most, together, mostFor: key });
    if (most) for (const each of BUFFERS) paint(`kerbline-heat-${each}`, "heatmap-intensity", 1 / OWN / inView.together);
    const wide = cellWidth();
    const note = document.getElementById("heat-most");
    const side = wide >= 950 ? `${(wide / 1000).toFixed(1)} km` : `${Math.round(wide / 10) * 10 || Math.round(wide)} m`;
    if (note) note.textContent = inView.most ? `Darkest here: ${inView.most} in one square of ${side}. The squares that are seen stand in the table under the map.` : "Nothing is here in these days.";
    canvas.dataset.most = inView.most;
  }

  // The fullest square, and the fullest with those around it: there the colour is darkest.
  function hottest(near) {
    const across = 2 ** Math.floor(map.getZoom() + 0.001) * 64;
    const numbers = new Map();
    for (const { geometry: { coordinates: [x, y] }, properties } of near) {
      const at = library.MercatorCoordinate.fromLngLat([x, y]);
      numbers.set(Math.floor(at.x * across) * 2 ** 26 + Math.floor(at.y * across), properties.n);
    }
    let [most, together] = [0, 0];
    for (const [key, n] of numbers) {
      const of = (dx, dy) => numbers.get(key + dx * 2 ** 26 + dy) ?? 0;
      most = Math.max(most, n);
      together = Math.max(together, n + BESIDE * (of(1, 0) + of(-1, 0) + of(0, 1) + of(0, -1)) + ACROSS * (of(1, 1) + of(1, -1) + of(-1, 1) + of(-1, -1)));
    }
    return { most, together };
  }

  const cellWidth = () => (40_075_017 * Math.cos((map.getCenter().lat * Math.PI) / 180)) / 2 ** Math.floor(map.getZoom() + 0.001) / 64;

  // --- Jobs

  function showJobs(ask) {
    const asked = new URLSearchParams(ask);
    const measured = asked.get("measure");
    asked.delete("measure");
    if (measured === "overdue") asked.set("overdue", "true");
    if (measured === "reports" && !asked.has("status")) for (const each of STATUSES) asked.append("status", each);
    const text = String(asked);
    if (text === inView.jobs) return;
    inView.jobs = text;
    map.getSource("kerbline-jobs").setTiles([`${location.origin}/v1/tiles/jobs/{z}/{x}/{y}.mvt?${text}`]);
  }

  // Where there are more than are drawn one by one, heat says where they are.
  const tooMany = () => map.getZoom() < JOBS_FROM || map.querySourceFeatures("kerbline-jobs", { sourceLayer: "cut" }).length > 0;

  function sayPoints() {
    const note = document.getElementById("points-said");
    if (note) note.textContent = tooMany() ? "There are more here than can be drawn one by one, so heat is drawn too: come closer, or ask for fewer." : "";
  }

  // --- What is shown

  function show(next) {
    Object.assign(inView, { view: next.view, chosen: next.chosen, rows: next.rows, byCode: new Map(next.rows.map((row) => [row.code, row])) });
    const isWards = next.view === "wards";
    for (const code of places.keys()) {
      const row = inView.byCode.get(code);
      map.setFeatureState(feature(code), { step: isWards ? Number(row?.step ?? 0) : 0, chosen: code === next.chosen });
    }
    paint("kerbline-fill", "fill-opacity", isWards ? (isOurs ? 1 : 0.72) : 0);
    map.getSource("kerbline-labels").setData({
      type: "FeatureCollection",
      features: [...places].map(([code, { name, at: middle }]) => ({
        type: "Feature", geometry: { type: "Point", coordinates: middle },
        properties: { text: isWards && inView.byCode.get(code)?.short ? `${name}\n${inView.byCode.get(code).short}` : name },
      })),
    });
    if (!isWards) showHeat(next.ask);
    if (next.view === "points") showJobs(next.ask);
    sure("kerbline-jobs", next.view === "points"); // now that its tiles have an address
    asView();
  }

  function asView() {
    reveal();
    sayPoints();
    measure();
  }

  const tip = frame.querySelector("#tip");

  function tell(name, text, point) {
    tip.replaceChildren(...(name ? [make("b", {}, name)] : []), text);
    tip.hidden = false;
    const room = [frame.clientWidth - tip.offsetWidth - 8, frame.clientHeight - tip.offsetHeight - 8];
    tip.style.left = `${Math.min(point.x + 14, room[0])}px`;
    tip.style.top = `${Math.min(point.y + 14, room[1])}px`;
  }

  let pointed = null;

  function point(code, { tip: says = false } = {}) {
    if (pointed && pointed !== code) map.setFeatureState(feature(pointed), { pointed: false });
    document.querySelector("#figures tr.pointed")?.classList.remove("pointed");
    pointed = places.has(code) ? code : null;
    if (!pointed) return void (tip.hidden = true);
    map.setFeatureState(feature(code), { pointed: true });
    document.querySelector(`#figures tr[data-code="${CSS.escape(code)}"]`)?.classList.add("pointed");
    if (says) tell(places.get(code).name, value(code), map.project(places.get(code).at));
  }

  const value = (code) => {
    const short = inView.byCode.get(code)?.short;
    return short ? `${short} ${unit().toLowerCase()}` : "";
  };

  const codeAt = (place) => map.queryRenderedFeatures(place, { layers: ["kerbline-land"] })[0]?.properties.code;

  function nearest(place, ids) {
    const box = [[place.x - FINGER_PX, place.y - FINGER_PX], [place.x + FINGER_PX, place.y + FINGER_PX]];
    return map.queryRenderedFeatures(box, { layers: ids.filter((id) => map.getLayoutProperty(id, "visibility") !== "none") });
  }

  map.on("mousemove", ({ point: place }) => {
    const code = codeAt(place);
    point(code);
    const shared = inView.view !== "wards" && nearest(place, [`kerbline-shared-${inView.buffer}`])[0];
    const job = inView.view === "points" && nearest(place, ["kerbline-jobs"])[0];
    map.getCanvas().style.cursor = job || code ? "pointer" : "";
    if (job) return tell(job.properties.reference, said(job.properties), place);
    if (shared) return tell("One place for many", `${shared.properties.n} have exactly this place: an address that stands for others. It adds no heat.`, place);
    if (inView.view === "heat") {
      const wide = 8 * 2 ** (map.getZoom() % 1);
      const here = cells().map((cell) => ({ n: cell.properties.n, p: map.project(cell.geometry.coordinates) }))
        .find(({ p }) => Math.abs(p.x - place.x) <= wide / 2 && Math.abs(p.y - place.y) <= wide / 2);
      if (here) return tell(places.get(code)?.name, `${here.n} in this square`, place);
    }
    if (code) tell(places.get(code).name, inView.view === "wards" ? value(code) : "", place);
    else tip.hidden = true;
  });
  map.on("mouseout", () => point(null));

  const said = ({ category, status, priority, overdue }) => `${category.replaceAll("_", " ")}, ${priority}, ${overdue ? "late, " : ""}${status.replaceAll("_", " ")}`;

  map.on("click", ({ point: place }) => {
    if (inView.view === "points") {
      const found = new Map(nearest(place, ["kerbline-jobs"]).map(({ properties }) => [properties.id, properties]));
      if (found.size) {
        const list = make("ul", {}, ...[...found.values()].map((job) => make("li", {}, make("a", { href: `/console/jobs/${job.id}` }, job.reference), ` ${said(job)}`)));
        tip.hidden = true;
        return opened(make("p", {}, make("b", {}, found.size === 1 ? "A job" : `${found.size} jobs here`)), list);
      }
    }
    const code = codeAt(place);
    if (code) choose(code);
  });

  // --- Moving

  const here = () => {
    const { lat: y, lng: x } = map.getCenter();
    return `${y.toFixed(4)},${x.toFixed(4)},${map.getZoom().toFixed(2)}`;
  };
  let settling = null;
  map.on("moveend", () => {
    clearTimeout(settling);
    settling = setTimeout(() => moved(here()), SETTLE_MS);
  });
  map.on("zoomend", asView);
  const ease = still ? 0 : 300;
  const fit = (box, options = {}) => map.fitBounds(box, { padding: 24, duration: ease, ...options });
  frame.querySelector("#pad").hidden = false;
  frame.querySelector("#pad").addEventListener("click", ({ target }) => {
    const way = target.closest("button")?.dataset.way;
    if (way === "all") fit(home());
    else if (way) map.zoomTo(Math.round(map.getZoom() + (way === "plus" ? 1 : -1)), { duration: ease });
  });

  // --- What goes wrong, and what is ready

  let wrong = false;
  const retry = () => {
    wrong = false;
    failed(null);
    addJobs(map, "kerbline-names");
    inView.ask = inView.jobs = null;
    show(last);
    if (last.vintage !== drawnOf) redraw(last);
  };
  let last = { view: "wards", rows: [], chosen: null, ask: new URLSearchParams(), vintage, day };
  map.on("error", ({ error, sourceId }) => {
    if (!sourceId?.startsWith("kerbline")) return console.warn(`map: ${error?.message}`);
    wrong = true;
    failed("Part of the map could not be fetched. The tables below are whole.", retry);
  });

  const shot = document.getElementById("map-print");
  let drawing = null;
  let changes = 1; // since the picture was taken: taking it makes the map idle once more
  map.on("moveend", () => (changes += 1));
  map.on("sourcedata", ({ tile }) => tile && (changes += 1));
  map.on("idle", () => {
    asView();
    document.body.dataset.map = "ready";
    if (changes) drawing ??= setTimeout(keepPicture, SETTLE_MS); // paper cannot wait for the map
  });
  function keepPicture() {
    drawing = null;
    map.redraw();
    changes = 0;
    map.getCanvas().toBlob((blob) => {
      if (!blob) return;
      URL.revokeObjectURL(shot.src);
      shot.src = URL.createObjectURL(blob);
      shot.hidden = false;
    });
  }

  return {
    wards: () => wards,
    show(next) {
      last = next;
      changes += 1;
      document.body.dataset.map = "busy";
      show(next);
      if (next.vintage !== drawnOf) redraw(next);
      map.triggerRepaint();
    },
    point,
    zoom: () => map.getZoom(),
    box: () => map.getBounds().toArray().flat(),
    fly: (code) => places.has(code) && fit(places.get(code).box, { padding: 60, maxZoom: 14 }),
    look(text) {
      const [y, x, z] = (text ?? "").split(",").map(Number);
      if (text && [y, x, z].every(Number.isFinite)) map.jumpTo({ center: [x, y], zoom: z });
      else fit(home(), { duration: 0 });
    },
    settled: () => new Promise((done) => (inView.view === "wards" ? done() : map.once("idle", done))),
    /** The tiles of the next window, while this one is looked at: they wait in the browser's cache. */
    ahead(from, to, ask) {
      if (inView.view === "wards") return;
      const next = new URLSearchParams(ask);
      next.set("from", from);
      next.set("to", to);
      const z = Math.floor(map.getZoom());
      const [west, south, east, north] = map.getBounds().toArray().flat();
      const x = (degrees) => Math.floor(((degrees + 180) / 360) * 2 ** z);
      const y = (degrees) => Math.floor(((1 - Math.asinh(Math.tan((degrees * Math.PI) / 180)) / Math.PI) / 2) * 2 ** z);
      const tiles = [];
      for (let tx = x(west); tx <= x(east); tx += 1) for (let ty = y(north); ty <= y(south); ty += 1) tiles.push(heat(next).replace("{z}", z).replace("{x}", tx).replace("{y}", ty));
      for (const each of tiles.slice(0, MOST_AHEAD)) fetch(each, { priority: "low" }).catch(() => null);
    },
    get wrong() {
      return wrong;
    },
  };
}
