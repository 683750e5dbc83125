// What the map draws with: its ground, and its layers from the land to the names.

const STYLE_PATIENCE_MS = 4000;
const LETTERS = ["Arial", "Helvetica", "sans-serif"];
const GROUND = "#e9eef0";
const INK = "#14252e";
const YELLOW = "#ffd23f";
export const JOBS_FROM = 9; // farther out nobody tells them apart
export const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const style = getComputedStyle(document.documentElement);
export const SHADES = [0, 1, 2, 3, 4, 5].map((n) => style.getPropertyValue(`--step-${n}`).trim());
const EMPTY = { type: "FeatureCollection", features: [] };

// Streets from the council's own server, if it names one and it answers soon; else plain ground.
export async function ground(address) {
  try {
    if (address) {
      const answer = await fetch(address, { signal: AbortSignal.timeout(STYLE_PATIENCE_MS) });
      if (answer.ok) return { style: await answer.json(), isOurs: false };
    }
  } catch {
    // As without one.
  }
  return { style: { version: 8, sources: {}, layers: [{ id: "kerbline-ground", type: "background", paint: { "background-color": GROUND } }] }, isOurs: true };
}

const state = (name) => ["boolean", ["feature-state", name], false];
const shade = ["match", ["coalesce", ["feature-state", "step"], 0], ...SHADES.flatMap((color, n) => [n, color]), SHADES[0]];
const words = (field, size) => ({ "text-field": field, "text-font": LETTERS, "text-size": size, "text-max-width": 8 });
const halo = { "text-color": INK, "text-halo-color": "#ffffff", "text-halo-width": 1.8 };

// Heat is drawn in two buffers: the next window comes in while the one before is still seen.
export const BUFFERS = ["a", "b"];

export function addLayers(map, wards, isOurs) {
  map.addSource("kerbline-wards", { type: "geojson", data: wards, promoteId: "code" });
  map.addSource("kerbline-labels", { type: "geojson", data: EMPTY });
  const add = (layer) => map.addLayer(layer);
  add({ id: "kerbline-land", type: "fill", source: "kerbline-wards", paint: { "fill-color": SHADES[0], "fill-opacity": isOurs ? 1 : 0 } });
  add({ id: "kerbline-fill", type: "fill", source: "kerbline-wards", paint: { "fill-color": shade, "fill-opacity": isOurs ? 1 : 0.72 } });
  for (const each of BUFFERS) {
    map.addSource(`kerbline-heat-${each}`, { type: "vector", tiles: [], minzoom: 0, maxzoom: 17 });
    add({
      id: `kerbline-heat-${each}`, type: "heatmap", source: `kerbline-heat-${each}`, "source-layer": "cells", layout: { visibility: "none" },
      paint: {
        "heatmap-weight": ["get", "n"], "heatmap-intensity": 0.05,
        // A cell is 8 pixels wide at a whole zoom, and twice that just before the next.
        "heatmap-radius": ["interpolate", ["exponential", 2], ["zoom"], ...Array.from({ length: 18 }, (_, z) => [z, 18, z + 0.999, 34]).flat()],
        "heatmap-color": ["interpolate", ["linear"], ["heatmap-density"], 0, "rgba(211,228,238,0)", 0.06, SHADES[1], 0.25, SHADES[2], 0.5, SHADES[3], 0.75, SHADES[4], 1, SHADES[5]],
        "heatmap-opacity": 0, "heatmap-opacity-transition": { duration: still ? 0 : 250 },
      },
    });
  }
  add({ id: "kerbline-line", type: "line", source: "kerbline-wards", paint: { "line-color": "#51656f", "line-width": ["interpolate", ["linear"], ["zoom"], 8, 0.8, 15, 2.2] } });
  const over = (id, color, width, name) =>
    add({ id, type: "line", source: "kerbline-wards", layout: { "line-join": "round" }, paint: { "line-color": color, "line-width": width, "line-opacity": ["case", state(name), 1, 0] } });
  over("kerbline-chosen-edge", INK, 7, "chosen");
  over("kerbline-chosen", YELLOW, 3, "chosen");
  over("kerbline-pointed", INK, 3, "pointed");
  addJobs(map);
  add({ id: "kerbline-names", type: "symbol", source: "kerbline-labels", layout: { ...words(["get", "text"], ["interpolate", ["linear"], ["zoom"], 8, 11, 13, 15]), "text-padding": 2, "text-variable-anchor": ["center", "top", "bottom", "left", "right"], "text-radial-offset": 0.4, "text-justify": "auto" }, paint: halo });
  for (const each of BUFFERS) {
    add({
      id: `kerbline-shared-${each}`, type: "symbol", source: `kerbline-heat-${each}`, "source-layer": "shared",
      layout: { visibility: "none", ...words(["concat", "◇ ", ["number-format", ["get", "n"], { locale: "en-GB" }]], 15), "symbol-sort-key": ["-", 0, ["get", "n"]] },
      paint: { ...halo, "text-opacity": 0 },
    });
  }
}

/** Jobs one by one. Made anew, their tiles are asked for again: the library does not ask twice for one that failed. */
export function addJobs(map, before) {
  if (map.getLayer("kerbline-jobs")) {
    map.removeLayer("kerbline-jobs");
    map.removeSource("kerbline-jobs");
  }
  map.addSource("kerbline-jobs", { type: "vector", tiles: [], minzoom: JOBS_FROM, maxzoom: 17 });
  const late = ["boolean", ["get", "overdue"], false];
  const done = ["in", ["get", "status"], ["literal", ["fixed", "closed"]]];
  // Far out they are small, so that it is seen where many lie together.
  const size = (far, close) => ["interpolate", ["linear"], ["zoom"], JOBS_FROM, far, 12, (far + close) / 2, 16, close];
  map.addLayer({
    id: "kerbline-jobs", type: "circle", source: "kerbline-jobs", "source-layer": "jobs",
    layout: { visibility: "none", "circle-sort-key": ["case", late, 2, done, 0, 1] },
    paint: {
      "circle-radius": size(2.5, 9),
      "circle-color": ["case", late, SHADES[5], done, "#ffffff", SHADES[3]],
      "circle-stroke-width": ["interpolate", ["linear"], ["zoom"], JOBS_FROM, ["case", late, 1.2, 0.6], 13, ["case", late, 3, 1.5]],
      "circle-stroke-color": ["case", late, YELLOW, done, "#6f8088", INK],
    },
  }, before);
}
