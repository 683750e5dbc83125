// What a crew does to a job, in one tap: start, done, can't do with its reason; notes by chips.

import { button, make } from "./make.mjs";

// What stops a crew, and what it makes of the job: closed with a reason that residents may read, or
// waiting for something.
const CANNOT = [
  ["Can’t find it", { status: "closed", reason: "not_found" }],
  ["Too small to repair", { status: "closed", reason: "below_threshold" }],
  ["Not ours", { status: "closed", reason: "not_ours" }],
  ["On private land", { status: "closed", reason: "private_land" }],
  ["A parked car is in the way", { status: "waiting", reason: "a parked car to move" }],
  ["Other equipment is needed", { status: "waiting", reason: "other equipment" }],
  ["Other materials are needed", { status: "waiting", reason: "materials" }],
  ["Not safe now", { status: "waiting", reason: "it to be safe to work here" }],
];
const CHIPS = ["Made safe", "Temporary repair", "Permanent repair", "Cleared and swept", "Cones left", "Second visit needed", "Bigger than reported"];
const MESSAGES = ["We have been here and mended it.", "We have made it safe and will come back.", "We could not find it; tell us if it is still there."];
const LONGEST = 4000;

// The tap that a status invites first stands first and is large.
export function actions(job, me, send) {
  const tap = (label, fields, kind = "") => button(label, () => send(fields), kind);
  const isMine = job.worker?.id === me.id;
  const start = { received: "Start", scheduled: "Start", waiting: "Resume" }[job.status];
  const row = make("div", { class: "taps" });
  if (["fixed", "closed"].includes(job.status)) {
    row.append(tap("Reopen", { status: "received" }, "plain"));
    return make("div", { class: "actions" }, row);
  }
  if (start) row.append(tap(start, { status: "in_progress" }, "start"));
  row.append(tap("Done", { status: "fixed" }, "done"));
  const reasons = make("div", { class: "reasons", hidden: true, id: "reasons" }, ...cannot(job).map(([label, fields]) => tap(label, fields, "plain")));
  const cant = button("Can’t do …", () => {
    reasons.hidden = !reasons.hidden;
    cant.setAttribute("aria-expanded", String(!reasons.hidden));
    if (!reasons.hidden) reasons.querySelector("button").focus();
  }, "plain cant", { "aria-expanded": "false", "aria-controls": "reasons" });
  row.append(cant);
  if (job.status === "referred") row.append(tap("Take it back", { status: "received" }, "plain"));
  if (job.worker && !isMine) row.append(tap(`Take over from ${job.worker.name}`, { worker: "me" }, "plain"));
  return make("div", { class: "actions" }, row, reasons);
}

// The reason it waits for already is not offered again.
const cannot = (job) => CANNOT.filter(([, { status, reason }]) => !(job.status === status && job.reason === reason));

// Note and message, kept as they are typed. `take` gives what stands there and empties it.
export async function words(job, send) {
  const kept = (await Crew.draft(job.id)) ?? {};
  const area = (id, label, hint, value) => {
    const field = make("textarea", { id, rows: "3", maxlength: LONGEST, "aria-describedby": `${id}-hint` });
    field.value = value ?? "";
    return [field, make("div", { class: "field" }, make("label", { for: id }, label), make("p", { class: "hint", id: `${id}-hint` }, hint), field)];
  };
  const [note, noteField] = area("note", "Note for colleagues", "It goes with the next tap of Start, Done or Can’t do; or send it alone.", kept.note);
  const [message, messageField] = area("message", "Message to who reported it", "They read this word for word.", kept.public_message);
  const now = () => ({ note: note.value.trim(), public_message: message.value.trim() });
  let saving = 0;
  const save = () => { clearTimeout(saving); return Crew.saveDraft(job.id, now()); };
  const later = () => { clearTimeout(saving); saving = setTimeout(save, 400); alone.disabled = !note.value.trim() && !message.value.trim(); };
  for (const each of [note, message]) { each.addEventListener("input", later); each.addEventListener("change", save); }
  const chips = (field, texts, label) => make("div", { class: "chips", role: "group", "aria-label": label }, ...texts.map((text) => button(text, () => {
    if (field.value.includes(text)) return field.focus();
    const before = field.value.trimEnd();
    field.value = before ? `${before}${/[.!?]$/.test(before) ? "" : "."} ${text}` : text;
    save();
    later();
  }, "plain chip")));

  async function take() {
    const said = Object.fromEntries(Object.entries(now()).filter(([, value]) => value));
    return said;
  }
  async function taken() {
    clearTimeout(saving);
    note.value = message.value = "";
    alone.disabled = true;
    await Crew.saveDraft(job.id, null);
  }
  const alone = button("Send the words alone", () => send({}), "plain");
  alone.disabled = !note.value && !message.value;
  const more = make("details", { class: "message", open: Boolean(message.value) }, make("summary", {}, "Tell who reported it"), chips(message, MESSAGES, "Ready-made messages"), messageField);
  const element = make("section", { class: "job-part" }, make("h2", {}, "Words"), chips(note, CHIPS, "Ready-made notes"), noteField, more, alone);
  return { element, take, taken, leave: save };
}
