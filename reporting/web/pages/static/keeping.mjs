// What has been filled in is kept on this phone, and what is sent goes into the outbox from there.
// Where the browser keeps nothing, the form is posted as it stands.

import { moment, say } from "./words.mjs";

const form = document.getElementById("report");
const PASSED_OVER = new Set(["key", "website", "photo", "photo_id"]);
const outbox = () => self.Outbox ?? null;
let waiting = 0;

export const keeps = () => outbox() !== null;

// What the form says now, by name.
export function fields() {
  const pairs = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && value && !PASSED_OVER.has(name));
  return Object.fromEntries(pairs);
}

export function fill(values) {
  for (const element of form.elements) {
    if (!element.name || PASSED_OVER.has(element.name)) continue;
    const value = values[element.name];
    if (element.type === "radio" || element.type === "checkbox") element.checked = element.value === value;
    else if (value !== undefined || element.type === "hidden") element.value = value ?? "";
  }
}

// The draft of before, if there is one: {fields, photos, saved_at}.
export async function load() {
  try {
    return (await outbox()?.draft.load()) ?? null;
  } catch {
    return null; // a private window: nothing was kept
  }
}

export function save() {
  waiting ||= setTimeout(saveNow, 400); // however fast somebody types
}

export async function saveNow() {
  clearTimeout(waiting);
  waiting = 0;
  try {
    await outbox()?.draft.save(fields());
  } catch {
    // Nothing can be kept here; the page itself still has it.
  }
}

export async function afresh() {
  clearTimeout(waiting);
  waiting = 0;
  await outbox()?.draft.clear();
}

export function tellKept(draft) {
  const banner = document.getElementById("draft");
  banner.hidden = !draft;
  if (draft) document.getElementById("draft-told").textContent = say("kept", { when: moment(new Date(draft.saved_at ?? Date.now())) });
}

export const photos = {
  add: (file) => outbox().draft.addPhoto(file),
  remove: (id) => outbox().draft.removePhoto(id),
  restore: (id) => outbox().draft.restorePhoto(id),
};

export async function queue(body, summary) {
  clearTimeout(waiting);
  waiting = 0;
  return (await outbox().queue(body, { summary })).id;
}

export const item = async (id) => (await outbox().items()).find((each) => each.id === id);
export const reopen = (id) => outbox().reopen(id);
export const watch = (callback) => outbox()?.on(callback);
