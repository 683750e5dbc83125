// What is open near the place already: one tap says "this is it".

import { position } from "./place.mjs";
import * as steps from "./steps.mjs";
import { make, say, words } from "./words.mjs";

const PATIENCE_MS = 2500; // on one bar of signal nobody waits to be asked one question more
const list = document.getElementById("jobs");
const sameAs = document.getElementById("same_as");
const frame = document.getElementById("nearby-map");
let asked = ""; // the place and category that `found` is about
let found = [];
let drawn = null;

const category = () => document.querySelector("input[name=category]:checked")?.value;

export function start() {
  steps.step("nearby", { passOver: () => !found.length || asked !== question(), arrive });
  steps.step("leave-category", { arrive: look });
  document.getElementById("none-of-these").addEventListener("click", () => (sameAs.value = ""), true);
}

function question() {
  const place = position();
  return place && category() ? new URLSearchParams({ ...place, category: category() }).toString() : "";
}

// Asked as soon as the category is chosen, so that the answer is there when it is left.
export async function look() {
  const now = question();
  if (now === asked && found.length) return;
  [asked, found] = [now, []];
  if (!now) return;
  try {
    const answer = await fetch(`/v1/reports/nearby?${now}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.ok && now === asked) found = (await answer.json()).items;
  } catch {
    // No signal: what is the same is found when the report arrives.
  }
  if (!found.some((job) => job.reference === sameAs.value)) sameAs.value = "";
}

async function arrive() {
  list.replaceChildren(...found.map((job, index) => {
    const button = make("button", { type: "button", class: "plain" }, say("thisIsIt"));
    button.setAttribute("aria-describedby", `job-${job.reference}`);
    button.addEventListener("click", () => {
      sameAs.value = job.reference;
      steps.go("contact");
    });
    const name = document.querySelector(`label[for="category-${job.category}"] .named`)?.textContent ?? "";
    const away = Math.round(job.distance_m / 5) * 5;
    const facts = [words.status[job.status] ?? "", job.reports > 1 ? say("reports", { n: job.reports }) : ""].filter(Boolean).join(" · ");
    return make(
      "li", {},
      make("h3", { id: `job-${job.reference}` }, make("span", { class: "number", "aria-hidden": "true" }, String(index + 1)), `${name}, ${away ? say("away", { m: away }) : say("here")}`),
      make("p", { class: "hint" }, facts),
      button,
    );
  }));
  drawn?.remove();
  drawn = null;
  try {
    frame.hidden = false;
    const { drawNear } = await import("./map.mjs");
    drawn = await drawNear(frame, position(), found);
  } catch {
    frame.hidden = true; // the list says the same
  }
}
