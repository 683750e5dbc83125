// The place step: from the photo, else from the phone, else from the map or in words.

import { photos } from "./pictures.mjs";
import * as steps from "./steps.mjs";
import { say, words } from "./words.mjs";

const PATIENCE_MS = 20_000; // how long a better fix is waited for
const GOOD_M = 12;
const POOR_M = 50;
const byId = (id) => document.getElementById(id);
const frame = byId("map");
const here = byId("here");
const located = byId("located");
const inWords = byId("in-words");
let map = null; // the drawn map, once it is there
let opening = null;
let changed = () => {};
let refused = null; // {lat, lng, sentence}: the place that the service said no to

export const position = () => {
  const [lat, lng] = ["lat", "lng"].map((id) => (byId(id).value.trim() === "" ? NaN : Number(byId(id).value)));
  return Number.isFinite(lat) && Number.isFinite(lng) ? { lat, lng } : null;
};
export const placedBy = () => byId("placed_by").value;

export function start(onChange) {
  changed = onChange;
  steps.step("place", { check, arrive });
  byId("locate").addEventListener("click", locate);
  byId("lat").addEventListener("input", typed);
  byId("lng").addEventListener("input", typed);
  byId("ward")?.addEventListener("change", chosen);
  inWords.open = Boolean(byId("place_text").value || byId("ward")?.value);
  (self.requestIdleCallback ?? ((work) => setTimeout(work, 2000)))(() => {
    if (!navigator.connection?.saveData) open();
  });
}

// A photo that knows where it was taken says so, as long as nobody has said otherwise.
export function photoChanged() {
  const source = photos().find((photo) => photo.position);
  if (source && ["", "photo"].includes(placedBy())) set(source.position, "photo");
  else if (!source && placedBy() === "photo") clear();
}

function clear() {
  for (const id of ["lat", "lng", "accuracy_m", "placed_by"]) byId(id).value = "";
  tellSource();
}

function set({ lat, lng }, by, accuracy_m = null) {
  byId("lat").value = lat.toFixed(6);
  byId("lng").value = lng.toFixed(6);
  byId("accuracy_m").value = accuracy_m === null ? "" : Math.round(accuracy_m);
  byId("placed_by").value = by;
  if (by !== "ward" && byId("ward")) byId("ward").value = "";
  if (by !== "map") map?.show({ lat, lng }, accuracy_m);
  else map?.circle(null);
  tellSource();
  lookUp();
  changed();
}

function tellSource(sentence = null) {
  const by = placedBy();
  const m = byId("accuracy_m").value;
  if (sentence !== null) located.textContent = sentence;
  else if (by === "photo") located.textContent = say("fromPhoto");
  else if (by === "gps") located.textContent = say(Number(m) > POOR_M ? "unsure" : "sureTo", { m });
  else if (by === "map" && Number(m) > POOR_M) located.textContent = say("farOut", { m });
  else located.textContent = "";
}

function check() {
  const place = position();
  if (place) return isRefused(place) ? [{ field: map ? "map" : "lat", sentence: refused.sentence }] : [];
  const text = byId("place_text").value.trim();
  if (!text) {
    inWords.open = inWords.open || !map;
    return [{ field: map ? "map" : "place_text", sentence: say("noWhere") }];
  }
  if (text.length < 3) return [{ field: "place_text", sentence: say("placeShort") }];
  if (!byId("authority").value) return [{ field: "authority", sentence: say("noCouncil") }];
  return [];
}

const isRefused = ({ lat, lng }) => refused !== null && refused.lat === lat && refused.lng === lng;

function arrive() {
  open();
  tellSource();
  if (position()) lookUp();
  else locateIfAllowed();
}

// Only where the phone need not be asked.
function locateIfAllowed() {
  const before = JSON.stringify(position());
  navigator.permissions?.query({ name: "geolocation" }).then((asked) => {
    if (asked.state === "granted" && JSON.stringify(position()) === before) locate();
  }, () => {});
}

// --- The map -------------------------------------------------------------------------------

function open() {
  opening ??= (async () => {
    try {
      const { draw } = await import("./map.mjs");
      map = await draw(frame, { at: position(), moved: (place, sure_m) => set(place, "map", sure_m) });
    } catch {
      await openPlan();
    }
  })();
  return opening;
}

// No WebGL, or no signal to load the map by: the plan of the wards, else words.
async function openPlan() {
  frame.classList.add("no-map");
  byId("map-hint").textContent = say("noMap");
  inWords.open = true;
  try {
    const { draw } = await import("./plan.mjs");
    map = await draw(byId("canvas"), { at: position(), moved: (place) => set(place, "map") });
  } catch {
    frame.hidden = true;
  }
}

// --- Where the phone is --------------------------------------------------------------------

let watching = null;

function locate() {
  if (!navigator.geolocation) return tellSource(say("noGps"));
  stop();
  tellSource(say("locating"));
  let best = null;
  const until = setTimeout(stop, PATIENCE_MS);
  const id = navigator.geolocation.watchPosition(
    ({ coords }) => {
      if (best && coords.accuracy >= best.accuracy) return;
      best = coords;
      set({ lat: coords.latitude, lng: coords.longitude }, "gps", coords.accuracy);
      if (coords.accuracy <= GOOD_M) stop();
    },
    (error) => {
      if (best) return;
      stop();
      tellSource(say({ 1: "denied", 2: "noFix", 3: "slowFix" }[error.code] ?? "noGps"));
    },
    { enableHighAccuracy: true, timeout: PATIENCE_MS - 1000, maximumAge: 5000 },
  );
  watching = { id, until };
}

function stop() {
  if (!watching) return;
  navigator.geolocation.clearWatch(watching.id);
  clearTimeout(watching.until);
  watching = null;
}

// Whoever moves the map knows better than the phone.
frame.addEventListener("pointerdown", stop);
frame.addEventListener("keydown", stop);

// --- Ward and typed position ----------------------------------------------------------------

function chosen() {
  const { lat, lng } = byId("ward").selectedOptions[0].dataset;
  if (lat) set({ lat: Number(lat), lng: Number(lng) }, "ward");
  else clear();
}

export function choose(ward) {
  byId("ward").value = ward;
  chosen();
}

function typed() {
  const place = position();
  byId("accuracy_m").value = "";
  byId("placed_by").value = place ? "typed" : "";
  if (byId("ward")) byId("ward").value = "";
  if (place) map?.show(place, null);
  tellSource();
  lookUp();
  changed();
}

// --- Whose place it is ----------------------------------------------------------------------

let waiting = 0;
let asking = new AbortController();

function lookUp() {
  clearTimeout(waiting);
  asking.abort();
  const place = position();
  if (!place) return tellHere("");
  waiting = setTimeout(async () => {
    asking = new AbortController();
    const { signal } = asking;
    const category = document.querySelector("input[name=category]:checked")?.value;
    const asked = new URLSearchParams({ ...place, ...(category && { category }) });
    try {
      const answer = await fetch(`/v1/where?${asked}`, { signal });
      const found = await answer.json();
      if (answer.ok) return tellHere(whose(found));
      const sentence = `${found.detail}${found.nearest ? ` ${say("nearest", found.nearest)}` : ""}`;
      tellHere(sentence, true);
      if (answer.status !== 422) return;
      refused = { ...place, sentence };
      if (placedBy() === "photo") locateIfAllowed(); // taken elsewhere: where the phone is may be meant
    } catch (error) {
      if (error.name !== "AbortError") tellHere(say("unknown"));
    }
  }, 200);
}

addEventListener("online", lookUp);

function whose(found) {
  const names = found.authorities.map((each) => each.name);
  const authorities = names.length > 1 ? say("and", { one: names.slice(0, -1).join(", "), other: names.at(-1) }) : names[0];
  const place = found.ward ? say("whose", { place: found.ward.name, authorities }) : `${authorities}.`;
  return found.team ? `${place} ${say("goesTo", { team: found.team.name, authority: found.authority.name })}` : place;
}

function tellHere(sentence, isWrong = false) {
  here.textContent = sentence;
  here.classList.toggle("is-wrong", isWrong);
}

// Who would answer for each kind of thing here, said on its button.
export async function tellTeams() {
  const place = position();
  const spots = document.querySelectorAll("[data-whose]");
  if (!place) return spots.forEach((each) => (each.textContent = ""));
  try {
    const answer = await fetch(`/v1/categories?${new URLSearchParams(place)}`);
    const { items = [] } = await answer.json();
    for (const spot of spots) {
      const found = items.find((each) => each.code === spot.dataset.whose);
      spot.textContent = found?.team ? say("teamOf", { team: found.team.name, authority: found.authority.name }) : "";
    }
  } catch {
    // No signal: the confirmation will tell.
  }
}

// What is said of the place when everything is checked.
export function inShort() {
  const text = byId("place_text").value.trim();
  const ward = byId("ward")?.selectedOptions[0];
  const said = position()
    ? [here.classList.contains("is-wrong") ? "" : here.textContent, placedBy() === "photo" ? words.fromPhoto : "", placedBy() === "ward" ? ward?.textContent : ""]
    : [byId("authority").selectedOptions[0]?.textContent];
  return [text, ...said].filter(Boolean).join("\n") || (position() ? `${byId("lat").value}, ${byId("lng").value}` : "");
}
