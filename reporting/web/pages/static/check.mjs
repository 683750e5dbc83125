// The last step: everything once more, each with a way back; and the report as the API takes it.

import * as keeping from "./keeping.mjs";
import { photos } from "./pictures.mjs";
import { inShort, position } from "./place.mjs";
import * as steps from "./steps.mjs";
import { make, say, words } from "./words.mjs";

const form = document.getElementById("report");
const list = document.getElementById("summary");
const value = (name) => keeping.fields()[name]?.trim() || undefined;

export function start() {
  steps.step("check", { arrive: draw });
  steps.step("contact", { check: checkContact });
}

function checkContact() {
  const email = document.getElementById("contact.email");
  if (!email.value.trim()) return [];
  return email.validity.valid && /@[^@\s]+\.[^@\s]+$/.test(email.value.trim()) ? [] : [{ field: email.id, sentence: say("badEmail") }];
}

const chosen = (name) => form.querySelector(`input[name="${CSS.escape(name)}"]:checked`);
const labelOf = (input) => input?.labels[0];

function draw() {
  const rows = [];
  const thumbs = photos().map((photo, index) => make("img", { src: photo.url, alt: say("photo", { n: index + 1 }) }));
  rows.push([words.rows.photos, "photo", thumbs.length ? make("div", { class: "thumbs" }, ...thumbs) : words.none]);
  rows.push([words.rows.place, "place", inShort()]);
  const category = chosen("category");
  rows.push([words.rows.category, "category", labelOf(category)?.querySelector(".named")?.textContent ?? ""]);
  const same = value("same_as");
  if (same) rows.push([words.rows.same, "nearby", same]);
  for (const section of same ? [] : form.querySelectorAll(`.step[data-category="${category?.value}"]`)) {
    rows.push([section.querySelector(".asked").textContent, section.id.slice(5), answerIn(section) || words.notSaid]);
  }
  rows.push([words.rows.words, "words", value("description") ?? words.none]);
  const told = ["contact.name", "contact.email", "contact.phone"].map(value).filter(Boolean);
  if (value("contact.email") && value("contact.updates")) told.push(words.byEmail);
  rows.push([words.rows.contact, "contact", told.join("\n") || words.notSaid]);
  list.replaceChildren(...rows.map(row));
}

function answerIn(section) {
  const radio = section.querySelector("input:checked");
  return radio ? labelOf(radio).textContent : section.querySelector("input:not([type=radio])")?.value ?? "";
}

function row([name, step, text]) {
  const change = make("button", { type: "button", class: "link" }, words.change, make("span", { class: "unseen" }, ` ${name}`));
  change.addEventListener("click", () => steps.go(step));
  return make("div", {}, make("dt", {}, name), make("dd", {}, text), make("dd", {}, change));
}

// What POST /v1/reports takes, but for the photos and the key.
export function body() {
  const place = position();
  const text = value("place_text");
  const accuracy_m = value("accuracy_m");
  const description = [place && text, value("description")].filter(Boolean).join("\n") || undefined;
  const contact = drop({
    name: value("contact.name"), email: value("contact.email"), phone: value("contact.phone"),
    updates: value("contact.email") && value("contact.updates") ? ["email"] : undefined,
  });
  return drop({
    category: value("category"),
    ...(place
      ? { location: drop({ ...place, accuracy_m: accuracy_m && Number(accuracy_m) }) }
      : { place_text: text, authority: document.getElementById("authority").value }),
    description,
    answers: answers(),
    contact: Object.keys(contact).length ? { ...contact, language: value("contact.language") ?? document.documentElement.lang.slice(0, 2) } : undefined,
    same_as: value("same_as"),
    observed_at: new Date().toISOString(),
    website: document.getElementById("website").value || undefined,
  });
}

function answers() {
  const found = {};
  for (const section of form.querySelectorAll(`.step[data-category="${value("category")}"]`)) {
    const text = value(section.dataset.name);
    if (!text) continue;
    const { kind, question } = section.dataset;
    found[question] = kind === "number" ? Number(text.replace(",", ".")) : kind === "bool" ? text === "yes" : text;
  }
  return found;
}

function drop(values) {
  return Object.fromEntries(Object.entries(values).filter(([, each]) => each !== undefined && each !== ""));
}

// One line to know it by in the list of what is on its way.
export function summary() {
  return labelOf(chosen("category"))?.querySelector(".named")?.textContent ?? "";
}
