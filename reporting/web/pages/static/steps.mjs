// One question at a time: which step comes next, what keeps one from going on, and the way back.

import { make, say, words } from "./words.mjs";

const form = document.getElementById("report");
const whole = form.closest(".narrow");
const back = document.getElementById("back");
const faults = document.getElementById("faults");
const title = document.title;

const checks = new Map(); // step id → () => [{field, sentence, asked?}]
const passed = new Map(); // step id → () => whether it is passed over
const arrivals = new Map(); // step id → () => what is done when it is shown

export const stepNamed = (id) => document.getElementById(`step-${id}`);
const idOf = (step) => step.id.slice("step-".length);
const all = () => [...form.querySelectorAll(".step")].filter((step) => idOf(step) !== "sending");
export const current = () => form.querySelector(".step.is-shown");

export function step(id, { check, passOver, arrive }) {
  if (check) checks.set(id, check);
  if (passOver) passed.set(id, passOver);
  if (arrive) arrivals.set(id, arrive);
}

// A question of a category is a step of its own.
export function addStep(id, stage, after, question) {
  const section = make("section", { class: "step", id: `step-${id}`, "data-stage": stage, tabindex: "-1" });
  section.append(question, make("p", { class: "onward" }, make("button", { type: "button", class: "next" }, say("continue"))));
  after.after(section);
  return section;
}

const isPassedOver = (each) => passed.get(idOf(each))?.() ?? false;
const faultsOf = (each) => checks.get(idOf(each))?.() ?? [];

// The first step that something is still wrong with, up to this one.
export function firstWrong(until = null) {
  for (const each of all()) {
    if (each === until) return null;
    if (!isPassedOver(each) && faultsOf(each).length) return each;
  }
  return null;
}

export async function next() {
  const here = current();
  const wrong = faultsOf(here);
  if (wrong.length) return tellFaults(wrong);
  arrivals.get("leave")?.();
  await arrivals.get(`leave-${idOf(here)}`)?.();
  const rest = all().slice(all().indexOf(here) + 1);
  const isReturning = whole.classList.contains("is-returning");
  const to = isReturning
    ? rest.find((each) => !isPassedOver(each) && faultsOf(each).length) ?? stepNamed("check")
    : rest.find((each) => !isPassedOver(each));
  go(idOf(to));
}

export function go(id, { replace = false, focus = true } = {}) {
  history[replace ? "replaceState" : "pushState"]({ step: id }, "", `${location.pathname}${id === idOf(all()[0]) ? "" : `#${id}`}`);
  show(id, focus);
}

export function show(id, focus = true) {
  const to = stepNamed(id);
  clearFaults();
  for (const each of form.querySelectorAll(".step")) each.classList.toggle("is-shown", each === to);
  const visible = all();
  const isFirst = to === visible[0];
  whole.classList.toggle("at-first", isFirst);
  whole.classList.toggle("at-check", id === "check");
  if (id === "check") whole.classList.add("is-returning");
  back.hidden = isFirst || id === "sending";
  tellStage(to, visible);
  arrivals.get(id)?.();
  const heading = to.querySelector("h2") ?? to;
  document.title = isFirst ? title : `${heading.textContent.trim() || to.querySelector(".asked")?.textContent} – ${title}`;
  if (focus) {
    heading.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

function tellStage(to, visible) {
  const bar = document.getElementById("stages");
  const order = [...new Set(visible.map((each) => each.dataset.stage))];
  const n = order.indexOf(to.dataset.stage) + 1;
  bar.hidden = n < 1 || to === visible[0];
  document.getElementById("stage").textContent = `${say("stage", { n, most: order.length })}: ${words.stages[to.dataset.stage - 1]}`;
  document.getElementById("stage-bar").value = n;
}

// --- What is wrong -------------------------------------------------------------------------

export function tellFaults(found) {
  clearFaults();
  document.getElementById("fault-list").replaceChildren(
    ...found.map(({ field, sentence, asked = "" }) => make("li", {}, make("a", { href: `#${field}` }, `${asked} ${sentence}`.trim()))),
  );
  faults.hidden = false;
  for (const { field, sentence } of found) mark(field, sentence);
  document.title = `${say("error")} ${document.title}`;
  faults.focus();
  faults.scrollIntoView({ block: "nearest" });
}

function mark(field, sentence) {
  const at = document.getElementById(field);
  if (!at || at.type === "hidden") return;
  const told = make("p", { class: "fault", id: `${field}-fault` }, make("span", { class: "unseen" }, say("error")), ` ${sentence}`);
  at.setAttribute("aria-invalid", "true");
  at.dataset.describedBefore = at.getAttribute("aria-describedby") ?? "";
  at.setAttribute("aria-describedby", `${told.id} ${at.dataset.describedBefore}`.trim());
  if (at.tagName === "FIELDSET") at.querySelector("legend").after(told);
  else at.before(told);
}

export function clearFaults() {
  faults.hidden = true;
  for (const each of form.querySelectorAll(".fault")) each.remove();
  for (const each of form.querySelectorAll("[aria-invalid]")) {
    each.removeAttribute("aria-invalid");
    if (each.dataset.describedBefore) each.setAttribute("aria-describedby", each.dataset.describedBefore);
    else each.removeAttribute("aria-describedby");
  }
  const prefix = `${say("error")} `;
  if (document.title.startsWith(prefix)) document.title = document.title.slice(prefix.length);
}

// A link to a group leads to its first answer; a field in a closed part opens it.
faults.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link) return;
  event.preventDefault();
  const at = document.getElementById(link.hash.slice(1));
  if (!at) return;
  const section = at.closest(".step");
  if (section && !section.classList.contains("is-shown")) show(idOf(section), false);
  for (let part = at.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  const field = at.matches("fieldset, .step, div") ? at.querySelector("input, button, select") ?? at : at;
  field.focus();
});

// --- Buttons and history -------------------------------------------------------------------

form.addEventListener("click", (event) => {
  const button = event.target.closest("button.next");
  if (button) busy(button, next);
});
back.addEventListener("click", () => history.back());
addEventListener("popstate", (event) => {
  const id = event.state?.step;
  if (id && stepNamed(id)) show(id);
});

// A button that has been pressed is not pressed again until it is done.
export async function busy(button, work) {
  if (button.getAttribute("aria-disabled")) return;
  button.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    button.removeAttribute("aria-disabled");
  }
}
