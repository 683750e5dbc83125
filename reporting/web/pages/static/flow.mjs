// The report with JavaScript: one question at a time, kept on this phone, sent when there is signal.
// Without it the same form is filled in as a whole and posted.

import * as check from "./check.mjs";
import * as keeping from "./keeping.mjs";
import * as nearby from "./nearby.mjs";
import * as pictures from "./pictures.mjs";
import * as place from "./place.mjs";
import * as steps from "./steps.mjs";
import { say } from "./words.mjs";

const form = document.getElementById("report");
const byId = (id) => document.getElementById(id);

async function start() {
  askOneByOne();
  const ward = byId("ward")?.value; // chosen on the plan of the wards, and so in the address
  const draft = await keeping.load();
  if (draft && !("faults" in form.dataset)) {
    keeping.fill(draft.fields);
    pictures.put(draft.photos);
    if (Object.keys(draft.fields).length || draft.photos.length) keeping.tellKept(draft);
  } else if (draft) {
    pictures.put(draft.photos);
  }
  if (location.hash === "#sending" && !draft?.photos.length && !Object.keys(draft?.fields ?? {}).length) {
    // What this page said is on its way; a browser that loads it again would fill it in again.
    form.reset();
    keeping.fill({});
    history.replaceState(null, "", location.pathname);
  }
  const changed = () => keeping.save();
  pictures.start(() => { place.photoChanged(); changed(); });
  place.start(changed);
  if (ward && !("faults" in form.dataset)) place.choose(ward);
  nearby.start();
  check.start();
  steps.step("category", { check: () => (byId("category").querySelector(":checked") ? [] : [{ field: "category", sentence: say("chooseWhat") }]), arrive: place.tellTeams });
  steps.step("leave", { arrive: keeping.saveNow });
  form.addEventListener("input", changed);
  form.addEventListener("change", (event) => {
    if (event.target.name === "category") nearby.look();
    changed();
  });
  form.addEventListener("keydown", noSurprise);
  form.addEventListener("submit", send);
  byId("afresh").addEventListener("click", async () => {
    await keeping.afresh();
    location.replace(location.pathname);
  });
  addEventListener("pagehide", keeping.saveNow);
  document.documentElement.classList.add("is-scripted", "is-flowing");
  begin();
}

// Where the reader left off, as far as everything before it is in order.
function begin() {
  const first = form.querySelector(".step").id.slice(5);
  if ("faults" in form.dataset) {
    const field = document.querySelector("#fault-list a")?.hash.slice(1);
    const section = byId(field)?.closest(".step") ?? steps.stepNamed("check");
    const found = [...document.querySelectorAll("#fault-list a")].map((link) => ({ field: link.hash.slice(1), sentence: link.textContent }));
    steps.go(section.id.slice(5), { replace: true, focus: false });
    return steps.tellFaults(found);
  }
  const asked = steps.stepNamed(location.hash.slice(1).replace("step-", "") || "none");
  const wrong = asked && steps.firstWrong(asked);
  steps.go(asked ? (wrong ?? asked).id.slice(5) : first, { replace: true, focus: false });
}

// Every question of a category becomes a step of its own, after the one on what is known nearby.
function askOneByOne() {
  let last = steps.stepNamed("nearby");
  for (const group of form.querySelectorAll(".questions")) {
    const { category } = group.dataset;
    for (const question of [...group.querySelectorAll(".question")]) {
      const field = question.matches("fieldset") ? question : question.querySelector("input");
      const name = field.id;
      const code = name.split(".").at(-1);
      last = steps.addStep(`${category}-${code}`, 3, last, question);
      const input = question.querySelector("input");
      const kind = input.type === "radio" ? (input.value === "yes" ? "bool" : "choice") : input.inputMode === "decimal" ? "number" : "text";
      Object.assign(last.dataset, { category, question: code, name, kind });
      const asked = question.querySelector(".asked");
      const isOptional = "optional" in question.dataset;
      steps.step(`${category}-${code}`, {
        passOver: () => form.elements.category.value !== category || form.elements.same_as.value !== "",
        check: () => answerFault(name, question, kind, isOptional, asked.textContent),
      });
    }
  }
}

function answerFault(name, question, kind, isOptional, asked) {
  const text = (question.querySelector("input:checked") ?? question.querySelector("input:not([type=radio])"))?.value.trim() ?? "";
  if (!text) return isOptional ? [] : [{ field: name, sentence: say("chooseAnswer"), asked }];
  if (kind === "number" && !Number.isFinite(Number(text.replace(",", ".")))) return [{ field: name, sentence: say("giveNumber"), asked }];
  return [];
}

// Enter in a field goes on; only the button at the end sends.
function noSurprise(event) {
  if (event.key !== "Enter" || !event.target.matches("input:not([type=file])") || steps.current()?.id === "step-check") return;
  event.preventDefault();
  steps.next();
}

// --- Sending -------------------------------------------------------------------------------

let mine = null; // the report of this page, on its way
let retold = false;

async function send(event) {
  if (!keeping.keeps()) return; // the browser posts the form
  event.preventDefault();
  const wrong = steps.firstWrong();
  if (wrong) {
    steps.go(wrong.id.slice(5));
    return steps.next();
  }
  await steps.busy(byId("send"), async () => {
    await keeping.saveNow();
    await put(check.body());
  });
}

async function put(body) {
  mine = await keeping.queue(body, check.summary());
  keeping.tellKept(null);
  steps.go("sending");
  keeping.watch(follow);
  follow();
  setTimeout(follow, 4000);
}

async function follow() {
  const item = mine && (await keeping.item(mine));
  if (!item) return;
  const told = byId("sending-told");
  const title = byId("sending-title");
  byId("sending-progress").value = item.progress ?? 0;
  byId("sending-progress").parentElement.hidden = item.state !== "sending";
  if (item.state === "sent") {
    mine = null;
    location.replace(`/sent/${item.answer.reference}`);
  } else if (item.state === "confirm") {
    title.textContent = say("confirm");
    told.textContent = item.problem?.detail ?? say("confirmTold");
  } else if (item.state === "refused") {
    await refused(item);
  } else if (item.state === "waiting" && !navigator.onLine) {
    title.textContent = say("waiting");
    told.textContent = say("waitingTold");
  }
}

// Kept as it was typed, with what to change.
async function refused(item) {
  const { id, problem } = item;
  mine = null;
  await keeping.reopen(id);
  const isClock = problem.code === "observed-at-refused" || problem.errors?.some((each) => each.pointer === "/observed_at");
  if (isClock && !retold) { // the phone's clock is wrong, and nobody is to blame for it
    retold = true;
    const { observed_at: _, ...body } = check.body();
    return put(body);
  }
  const draft = await keeping.load();
  if (draft) pictures.put(draft.photos);
  const [step, field] = whereToLook(problem);
  if (field === "same_as") form.elements.same_as.value = "";
  const nearest = problem.nearest ? ` ${say("nearest", problem.nearest)}` : "";
  const sentences = problem.errors?.length ? problem.errors.map((each) => each.detail) : [`${problem.detail ?? problem.title}${nearest}`];
  steps.go(step, { replace: true, focus: false });
  steps.tellFaults(sentences.map((sentence) => ({ field, sentence })));
}

function whereToLook({ code = "", missing, errors }) {
  const pointer = errors?.[0]?.pointer ?? "";
  const category = form.elements.category.value;
  if (/^(outside-coverage|looks-swapped|not-a-place|null-island|looks-like)/.test(code) || /location|place_text|authority/.test(pointer)) {
    return ["place", place.position() ? "map" : "place_text"];
  }
  if (code === "answers-refused") return missing ? [`${category}-${missing[0]}`, `answer.${category}.${missing[0]}`] : ["category", "category"];
  if (code === "unknown-category") return ["category", "category"];
  if (code === "same-as-refused") return ["category", "same_as"];
  if (code.startsWith("photo") || code.startsWith("image") || pointer.startsWith("/photos")) return ["photo", "take"];
  if (pointer.startsWith("/contact")) return ["contact", "contact.email"];
  if (pointer.startsWith("/description")) return ["words", "description"];
  return ["check", "send"];
}

if (form) start();
