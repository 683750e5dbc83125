// The console's map: what the address asks for is on the page, on the map and in the table. The
// server makes the words, the legend, the panel and the table; the map is coloured by its rows.

import * as near from "./near.mjs";
import { make } from "./make.mjs";
import { slider } from "./slider.mjs";

const byId = (id) => document.getElementById(id);
const page = document.querySelector(".map-page");
const ask = byId("ask");
const frame = byId("frame");
const PARTS = ["words", "legend", "weeks", "panel", "jobs", "figures"];
const FILTERS = ["category", "team", "ward", "status", "priority"];
// What the script keeps in the address beside the form's own fields.
const BESIDE = ["chosen", "sort", "at"];

document.documentElement.classList.add("is-scripted");

let params = new URLSearchParams(location.search);
let map = null; // until it is drawn; stays so where it cannot be
let asking = null;

// --- What the page says ---------------------------------------------------------------------------

const rows = () => [...document.querySelectorAll("#figures tbody tr[data-code]")].map((row) => ({ row, ...row.dataset }));
const unit = () => document.querySelector('#figures [data-sort="rate"]')?.firstChild.textContent.trim() ?? "";

/** Everything that depends on the words of the server: called once for each answer. */
function shown() {
  const view = params.get("view") ?? "wards";
  const chosen = params.get("chosen");
  document.documentElement.classList.toggle("is-wards", view === "wards");
  for (const path of document.querySelectorAll("#plan path")) {
    const row = document.querySelector(`#figures tr[data-code="${CSS.escape(path.dataset.code)}"]`);
    path.setAttribute("class", `step-${row?.dataset.step ?? 0}${path.dataset.code === chosen ? " chosen" : ""}`);
  }
  for (const text of document.querySelectorAll("#plan text")) {
    const row = document.querySelector(`#figures tr[data-code="${CSS.escape(text.dataset.code)}"]`);
    text.lastElementChild.textContent = view === "wards" ? (row?.dataset.short ?? "") : "";
  }
  time.show(byId("weeks"));
  map?.show({ view, rows: rows(), chosen, ask: tileParams(), ...outlines() });
  near.show({ view, ask: tileParams(), box: map?.box() ?? everywhere, zoom: map?.zoom() ?? FINE, wards: map?.wards() ?? null });
}

/** Which wards are drawn: boundaries move, and those of the last day that is looked at are right. */
function outlines() {
  const { outlines: vintage, at } = byId("figures").dataset;
  return { vintage, day: at };
}

/** What tiles and lists are asked: the filters, with the days only where they count. */
function tileParams() {
  const found = new URLSearchParams();
  for (const name of FILTERS) for (const value of params.getAll(name)) found.append(name, value);
  const measure = params.get("measure") ?? "reports";
  found.set("measure", measure);
  const { from, to } = byId("weeks").dataset;
  if (measure === "reports" && from) {
    found.set("from", from);
    found.set("to", to);
  }
  return found;
}

// Without a map all wards are looked at, in squares as small as the server answers for such a box.
const everywhere = frame.dataset.bounds.split(",").map(Number);
const FINE = 12;

// --- Asking for something else ----------------------------------------------------------------------

const address = (of) => `/console/map${of.size ? `?${of}` : ""}`;

/** The form as an address says it: nothing that is so anyway. */
function ofForm() {
  const found = new URLSearchParams();
  for (const [name, value] of new FormData(ask)) if (value) found.append(name, value);
  const usual = { view: "wards", measure: "reports", per: "km2" };
  for (const [name, value] of Object.entries(usual)) if (found.get(name) === value) found.delete(name);
  if (found.get("days") === "all") {
    found.delete("from");
    found.delete("to");
  }
  for (const name of BESIDE) {
    found.delete(name);
    if (params.get(name)) found.set(name, params.get(name));
  }
  return found;
}

function toForm() {
  for (const field of ask.querySelectorAll("input, select")) {
    const values = params.getAll(field.name).flatMap((each) => (FILTERS.includes(field.name) ? each.split(",") : [each]));
    if (field.type === "radio") field.checked = field.value === (params.get(field.name) ?? { view: "wards", measure: "reports" }[field.name]);
    else if (field.type === "checkbox") field.checked = values.includes(field.value);
    else if (field.type !== "hidden") field.value = values[0] ?? (field.name === "per" ? "km2" : "");
  }
  const { from, to } = byId("weeks").dataset;
  if (params.get("days") !== "all" && from) [byId("from").value, byId("to").value] = [from, to];
  byId("filters-n").textContent = FILTERS.filter((name) => params.has(name)).length;
  byId("filters-n").hidden = byId("filters-n").textContent === "0";
  ask.querySelector(".map-per").classList.toggle("is-idle", (params.get("view") ?? "wards") !== "wards");
}

const keep = (how) => history[`${how}State`]({ y: scrollY }, "", address(params));

/** Another address; the answer is on the page when this is done. False: it is not. */
async function go(next, { how = "push", focus = null } = {}) {
  params = next;
  if (how) keep(how);
  asking?.abort();
  const mine = (asking = new AbortController());
  page.classList.add("is-asking");
  try {
    const answer = await fetch(`/console/map/parts?${params}`, { signal: mine.signal });
    if (answer.redirected) return location.reload(); // signed out meanwhile
    if (!answer.ok && answer.status !== 422) throw new Error(`status ${answer.status}`);
    swap(new DOMParser().parseFromString(await answer.text(), "text/html"), focus);
  } catch (error) {
    if (mine.signal.aborted) return false;
    trouble("figures", `The figures could not be fetched; those shown are of before.`, () => go(params, { how: null }));
    return false;
  } finally {
    if (asking === mine) {
      asking = null;
      page.classList.remove("is-asking");
    }
  }
  trouble("figures", null);
  toForm();
  shown();
  return true;
}

function swap(given, focus) {
  const before = document.activeElement?.id || null;
  const sorted = document.activeElement?.dataset?.sort;
  const row = document.activeElement?.closest?.("tr[data-code]")?.dataset.code;
  const table = document.querySelector("#figures .scroll").scrollLeft;
  const open = document.querySelector(".panel-weeks")?.open;
  for (const id of PARTS) byId(id).replaceWith(given.getElementById(id));
  document.querySelector("#figures .scroll").scrollLeft = table;
  if (open && document.querySelector(".panel-weeks")) document.querySelector(".panel-weeks").open = true;
  const next = focus ? byId(focus)
    : sorted ? document.querySelector(`#figures [data-sort="${sorted}"]`)
    : row ? document.querySelector(`#figures tr[data-code="${CSS.escape(row)}"] a`)
    : before && byId(before);
  if (next && next !== document.activeElement) next.focus({ preventScroll: !focus });
}

/** The same address with these parameters otherwise. */
function but(changes) {
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(changes)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  return next;
}

const choose = (code, focus = "panel-name") => go(but({ chosen: code }), { focus });

// --- What goes wrong ----------------------------------------------------------------------------------

const troubles = new Map();

function trouble(what, words, again = null) {
  if (words) troubles.set(what, { words, again });
  else troubles.delete(what);
  const [first] = troubles.values();
  const note = byId("map-trouble");
  note.hidden = !first;
  if (!first) return note.replaceChildren();
  const button = first.again && make("button", { type: "button", class: "quiet" }, "Try again");
  button?.addEventListener("click", first.again);
  note.replaceChildren(first.words, ...(button ? [button] : []));
}

// --- The form, links, the table --------------------------------------------------------------------------

ask.addEventListener("change", ({ target }) => {
  if (target.name === "from" || target.name === "to") {
    byId("from").required = byId("to").required = false;
    ask.querySelector('[name="days"]').checked = false;
    if (byId("from").value && byId("to").value && byId("from").value > byId("to").value) return;
  }
  if (!target.reportValidity()) return;
  const next = ofForm();
  // The days that the page begins with are not in the address until somebody chooses days.
  if (!params.has("from") && !params.has("to") && target.name !== "from" && target.name !== "to") {
    next.delete("from");
    next.delete("to");
  }
  time.stop();
  go(next);
});
ask.addEventListener("submit", (event) => {
  event.preventDefault();
  ask.querySelector(".map-filters").open = false;
  ask.querySelector(".map-filters > summary").focus();
});
byId("filters-none").addEventListener("click", (event) => {
  event.preventDefault();
  const next = new URLSearchParams();
  for (const name of ["view", "measure", "per", ...BESIDE]) if (params.get(name)) next.set(name, params.get(name));
  time.stop();
  go(next);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const filters = ask.querySelector(".map-filters");
  if (filters.open) {
    filters.open = false;
    filters.querySelector("summary").focus();
  } else if (!byId("card").hidden) closeCard();
  else if (byId("panel-close")) close();
});
document.addEventListener("click", (event) => {
  const filters = ask.querySelector(".map-filters");
  if (filters.open && !filters.contains(event.target)) filters.open = false;
  const link = event.target.closest("a[href]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const to = new URL(link.href);
  if (to.pathname !== "/console/map" || !page.contains(link) || link.id === "filters-none") return;
  event.preventDefault();
  // The links of the server do not know where the map looks by now.
  if (params.get("at")) to.searchParams.set("at", params.get("at"));
  if (link.id === "panel-close") return close();
  const isRow = link.closest("tr[data-code]");
  if (isRow) map?.fly(isRow.dataset.code);
  go(to.searchParams, { focus: isRow ? "panel-name" : null });
});

function close() {
  const code = params.get("chosen");
  choose(null, null).then(() => document.querySelector(`#figures tr[data-code="${CSS.escape(code ?? "")}"] a`)?.focus({ preventScroll: true }));
}

// What is under the pointer or has the focus in the table is seen on the map.
for (const kind of ["pointerover", "focusin"]) {
  document.addEventListener(kind, ({ target }) => {
    const code = target.closest?.("#figures tr[data-code], #plan path")?.dataset.code ?? null;
    if (target.closest?.("#figures, #plan") || kind === "focusin") map?.point(code, { tip: kind === "focusin" });
  });
}
byId("plan")?.addEventListener("click", ({ target }) => target.dataset.code && choose(target.dataset.code));

window.addEventListener("popstate", (event) => {
  time.stop();
  const before = params.get("at");
  const next = new URLSearchParams(location.search);
  if (next.get("at") !== before) map?.look(next.get("at"));
  closeCard();
  go(next, { how: null }).then(() => event.state?.y !== undefined && scrollTo(0, event.state.y));
});

// --- The slider ------------------------------------------------------------------------------------------

const time = slider({
  group: byId("time"),
  go: (from, to, how) => go(but({ from, to, days: null }), { how }),
  ahead: (from, to) => map?.ahead(from, to, tileParams()),
  settled: () => map?.settled() ?? Promise.resolve(),
});

// --- The map ------------------------------------------------------------------------------------------------

const card = byId("card");

function closeCard() {
  if (card.hidden) return;
  card.hidden = true;
  card.replaceChildren();
  byId("map").querySelector("canvas")?.focus();
}

async function draw() {
  try {
    const { drawn } = await import("./drawing.mjs");
    map = await drawn(frame, {
      at: params.get("at"),
      ...outlines(),
      bounds: everywhere,
      unit,
      choose: (code) => choose(code, null),
      moved: (at) => {
        params = but({ at });
        keep("replace");
        near.show({ view: params.get("view") ?? "wards", ask: tileParams(), box: map.box(), zoom: map.zoom(), wards: map.wards() });
      },
      failed: (words, again) => trouble("map", words, again),
      opened: (...content) => {
        const button = make("button", { type: "button", class: "quiet" }, "Close");
        button.addEventListener("click", closeCard);
        card.replaceChildren(...content, button);
        card.hidden = false;
        card.querySelector("a, button").focus();
      },
    });
  } catch (error) {
    console.info(`No map: ${error.message}`);
    document.body.dataset.map = "none";
    trouble("map", "This browser cannot draw the map you can move. Everything on it is in the tables below.");
    return;
  }
  shown();
}

if (!params.has("from") && !params.has("to") && !params.has("days") && byId("weeks").dataset.from) {
  // So that a copied link shows the same tomorrow.
  const { from, to } = byId("weeks").dataset;
  params = but({ from, to });
  keep("replace");
}
history.scrollRestoration = "manual";
toForm();
shown();
draw();
