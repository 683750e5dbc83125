// A job in words: how much time is left, where it stands, what was answered. Pure, but for the
// categories' names, which are kept for places without signal.

const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const CATEGORIES_OLD_MS = 12 * HOUR;
const PRIORITIES = { P1: "P1, at once", P2: "P2, next day", P3: "P3, this week", P4: "P4, in time" };
const ZONES = { trunk_road: "trunk road", school: "school", park: "park", hospital: "hospital" };
const FLAGS = {
  needs_triage: "nobody’s by the rules: check whose it is", rules_tie: "two rules claim it", outside: "outside every ward",
  needs_place: "the place is only in words", near_boundary: "near a boundary", low_accuracy: "the position is not sure",
};

export const isOpen = (job) => !["fixed", "closed"].includes(job.status);

const several = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

function length(ms) {
  if (ms < 90 * MINUTE) return several(Math.max(1, Math.round(ms / MINUTE)), "minute");
  if (ms < 48 * HOUR) return several(Math.round(ms / HOUR), "hour");
  return several(Math.round(ms / DAY), "day");
}

// {words, level, share}: level is late, soon, today, later, still or done; share is of the time that
// has gone.
export function countdown(job, now = Date.now()) {
  const due = Date.parse(job.due_at);
  if (job.status === "fixed") return { words: "Done", level: "done", share: 1 };
  if (job.status === "closed") return { words: `Closed: ${Crew.words.reason(job.reason) ?? "no reason"}`, level: "done", share: 1 };
  if (job.status === "waiting") return { words: `The clock stands still: ${job.reason ?? "waiting"}`, level: "still", share: 0 };
  if (job.status === "referred") return { words: `Passed on${job.referred_to ? ` to ${job.referred_to}` : ""}`, level: "still", share: 0 };
  if (now >= due) return { words: `Late by ${length(now - due)}`, level: "late", share: 1 };
  const left = due - now;
  const whole = Math.max(due - Date.parse(job.created_at), MINUTE);
  const level = left < 4 * HOUR ? "soon" : left < DAY ? "today" : "later";
  return { words: `${length(left)} left`, level, share: Math.min(1, Math.max(0, 1 - left / whole)) };
}

export const priority = (job) => PRIORITIES[job.priority] ?? job.priority;

export function where(job) {
  return job.ward?.name ?? job.division?.name ?? job.reports?.find((each) => each.place_text)?.place_text ?? "Place in words";
}

export function away(metres) {
  if (metres === null) return "";
  return metres < 1000 ? `${Math.max(10, Math.round(metres / 10) * 10)} m away` : `${(metres / 1609.344).toFixed(1)} miles away`;
}

// What was done here and has not arrived, in a line.
export function unsent(job) {
  if (!job.pending?.length) return null;
  const needs = job.pending.filter((op) => op.state !== "waiting");
  if (needs.length) return { words: "Needs you: see the queue", level: "needs" };
  const last = job.pending.at(-1);
  const said = Crew.words.described(last.fields).split(" · ")[0];
  const more = job.pending.length > 1 ? ` (and ${job.pending.length - 1} more)` : "";
  return { words: `${said}${more} – waiting to be sent`, level: "waiting" };
}

export function onIt(job, me) {
  if (!job.worker) return "";
  return job.worker.id === me?.id ? "You are on it" : `${job.worker.name} is on it`;
}

export function known(job) {
  const found = (job.place?.zones ?? []).map((zone) => [ZONES[zone.type] ?? zone.type, zone.name].filter(Boolean).join(": "));
  if (job.place?.near_boundary) found.push("Near a boundary: it may be a neighbour’s");
  for (const flag of job.flags ?? []) found.push(FLAGS[flag] ?? flag.replaceAll("_", " "));
  return [...new Set(found)].map((each) => each.charAt(0).toUpperCase() + each.slice(1));
}

// --- Categories ------------------------------------------------------------------------------------

let named = null; // code → {name, questions}

export async function categories() {
  if (named) return named;
  const kept = await CrewDb.get("bytes", "categories");
  if (kept) named = byCode(kept.items);
  if (!kept || Date.now() - Date.parse(kept.at) > CATEGORIES_OLD_MS) {
    const asking = fetchCategories();
    if (!kept) await asking;
  }
  return named ?? new Map();
}

async function fetchCategories() {
  try {
    const answer = await fetch("/v1/categories", { headers: { "Accept-Language": "en-GB" }, signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) return;
    const { items } = await answer.json();
    await CrewDb.write(["bytes", { id: "categories", at: new Date().toISOString(), items }]);
    named = byCode(items);
  } catch {
    // Without signal the codes say it as well as they can.
  }
}

const byCode = (items) => new Map(items.map((each) => [each.code, each]));
const plain = (code) => code.charAt(0).toUpperCase() + code.slice(1).replaceAll("_", " ");

export const category = (all, code) => all.get(code)?.name ?? plain(code);

// [[question, answer]] as a person reads them.
export function answers(all, report) {
  const asked = all.get(report.category)?.questions ?? [];
  return Object.entries(report.answers ?? {}).map(([code, value]) => {
    const question = asked.find((each) => each.code === code);
    return [question?.label ?? plain(code), said(question, value)];
  });
}

function said(question, value) {
  if (value === true) return "Yes";
  if (value === false) return "No";
  if (Array.isArray(value)) return value.map((each) => said(question, each)).join(", ");
  const choice = question?.choices?.find((each) => each.code === value);
  return choice?.label ?? (typeof value === "string" && /^[a-z_\d]+$/.test(value) ? plain(value) : `${value}${question?.unit ? ` ${question.unit}` : ""}`);
}

// What an update changed, in words.
export function changed(update) {
  const changes = update.changes ?? {};
  const found = [];
  for (const [field, value] of Object.entries(changes)) {
    if (field === "photos_show") found.push(value === "before" ? "Photos of before" : "Photos of after");
    else if (field === "due_at") found.push(`Due ${moment(value)}`);
    else if (field === "worker") found.push(value === null ? "Nobody is on it" : `${update.by} is on it`);
    else if (Crew.words.FIELDS[field]) found.push(`${Crew.words.FIELDS[field]}: ${Crew.words.value(field, value)}`);
  }
  return found;
}

export function moment(at) {
  const then = new Date(at);
  const today = then.toDateString() === new Date().toDateString();
  return today ? `today at ${Crew.words.time(at)}` : `${Crew.words.day(at)} at ${Crew.words.time(at)}`;
}
