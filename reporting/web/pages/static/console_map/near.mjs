// What the map shows of what is seen, as a table: squares of heat, jobs one by one. Asked for when
// the map comes to rest; what was asked before is called off.

import { make } from "./make.mjs";
import { holds } from "./shapes.mjs";

const PATIENCE_MS = 350;
const MOST_SQUARES = 100;
const MOST_JOBS = 50;
const section = document.getElementById("near");
let asking = null;
let waiting = null;
let before = "";

export function show({ view, ask, box, zoom, wards }) {
  section.hidden = view === "wards";
  asking?.abort();
  clearTimeout(waiting);
  if (view === "wards") {
    before = "";
    return section.replaceChildren();
  }
  const [west, south, east, north] = box;
  const asked = new URLSearchParams(ask);
  asked.set("bbox", [Math.max(west, -180), Math.max(south, -90), Math.min(east, 180), Math.min(north, 90)].map((each) => each.toFixed(5)).join(","));
  const jobs = view === "points";
  if (jobs) {
    asked.set("limit", MOST_JOBS);
    const measure = asked.get("measure");
    asked.delete("measure");
    if (measure === "overdue") asked.set("overdue", "true");
    if (measure !== "reports" && !asked.has("status")) asked.set("status", "open");
  } else asked.set("zoom", Math.min(18, Math.max(0, Math.floor(zoom))));
  const address = `/v1/${jobs ? "jobs" : "heatmap"}?${asked}`;
  if (address === before) return;
  waiting = setTimeout(() => fetched(address, jobs, wards), PATIENCE_MS);
}

async function fetched(address, jobs, wards) {
  const mine = (asking = new AbortController());
  try {
    const answer = await fetch(address, { signal: mine.signal });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const given = await answer.json();
    before = address;
    section.replaceChildren(...(jobs ? ofJobs(given, wards) : ofSquares(given, wards)));
  } catch (error) {
    if (mine.signal.aborted) return;
    before = "";
    const button = make("button", { type: "button", class: "quiet" }, "Try again");
    button.addEventListener("click", () => fetched(address, jobs, wards));
    section.replaceChildren(heading("What the map shows here"), make("p", {}, "This table could not be fetched. The table of the wards is whole. "), button);
  }
}

const heading = (words) => make("h2", { id: "near-name" }, words);
const cell = (value, number = false) => make("td", number ? { class: "n" } : {}, value);

function table(name, heads, rows) {
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${name}, the table` },
    make("table", {},
      make("thead", {}, make("tr", {}, ...heads.map((each) => make("th", { scope: "col", ...(each.number ? { class: "n" } : {}) }, each.words)))),
      make("tbody", {}, ...rows)));
}

const place = ([lng, lat]) => `${lat.toFixed(4)}, ${lng.toFixed(4)}`;

function ofSquares({ features, shared, zoom, cut }, wards) {
  const squares = [...features].sort((a, b) => b.properties.n - a.properties.n);
  const [first, rest] = [squares.slice(0, MOST_SQUARES), squares.slice(MOST_SQUARES)];
  const total = (some) => some.reduce((sum, { properties }) => sum + properties.n, 0);
  const lat = squares[0]?.geometry.coordinates[1] ?? 0;
  const wide = (40_075_017 * Math.cos((lat * Math.PI) / 180)) / 2 ** zoom / 64;
  const side = wide >= 950 ? `${(wide / 1000).toFixed(1)} km` : `${Math.round(wide)} m`;
  const found = [heading("Square by square")];
  if (!squares.length) found.push(make("p", {}, "Nothing is in what the map shows."));
  else {
    const more = rest.length ? ` ${rest.length.toLocaleString("en-GB")} more squares hold ${total(rest).toLocaleString("en-GB")}, at most ${rest[0].properties.n} each.` : "";
    found.push(
      make("p", { class: "hint" }, `What the map shows, in squares of ${side}: ${total(squares).toLocaleString("en-GB")} in all, the fullest first.${more}${cut ? " There was more than could be read: come closer, or ask for fewer." : ""}`),
      table("Square by square", [{ words: "Ward" }, { words: "Middle of the square" }, { words: "In it", number: true }],
        first.map(({ geometry, properties }) => make("tr", { "data-n": properties.n }, cell(nameAt(geometry.coordinates, wards)), cell(place(geometry.coordinates)), cell(properties.n.toLocaleString("en-GB"), true)))),
    );
  }
  if (shared.length) {
    found.push(
      make("h2", {}, "Places that very many share"),
      make("p", { class: "hint" }, "These have exactly one place: where whoever took them put what they could not place, such as a city hall. They are in the table of the wards, and add no heat."),
      table("Places that very many share", [{ words: "Ward" }, { words: "Place" }, { words: "There", number: true }],
        shared.map(({ geometry, properties }) => make("tr", { "data-shared": properties.n }, cell(nameAt(geometry.coordinates, wards)), cell(place(geometry.coordinates)), cell(properties.n.toLocaleString("en-GB"), true)))),
    );
  }
  return found;
}

function ofJobs({ items, next }, wards) {
  const found = [heading("Job by job")];
  if (!items.length) return [...found, make("p", {}, "No job is in what the map shows.")];
  return [
    ...found,
    make("p", { class: "hint" }, `${next ? `The first ${items.length}` : items.length} in what the map shows, the first due first.${next ? " Come closer for the others." : ""}`),
    table("Job by job", ["Job", "What", "Ward", "Status", "Priority", "Due"].map((each) => ({ words: each })),
      items.map((job) => make("tr", {},
        make("th", { scope: "row" }, make("a", { href: `/console/jobs/${job.id}` }, job.reference)),
        cell(job.category.replaceAll("_", " ")), cell(job.location ? nameAt([job.location.lng, job.location.lat], wards) : ""), cell(`${job.status.replaceAll("_", " ")}${job.overdue ? ", late" : ""}`), cell(job.priority),
        cell(job.due_at ? new Date(job.due_at).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }) : "")))),
  ];
}

const nameAt = (place, wards) => wards?.features.find(({ geometry }) => holds(geometry, place))?.properties.name ?? "–";
