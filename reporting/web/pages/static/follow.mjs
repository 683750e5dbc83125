// The report page with scripts: news as it comes, feedback with shrunk photos, messages to this
// device. The page itself knows what its reader may see and in which language, so what has changed
// is taken from it.

import { say, words } from "./words.mjs";

document.documentElement.classList.add("is-scripted", "is-flowing");

const report = document.getElementById("report");
const { reference } = report.dataset;
const line = document.getElementById("line");
const at = (id) => document.getElementById(id);

// --- News ----------------------------------------------------------------------------------------

const FRESH = ["status", "timeline", "ask-words"];
const LATER_MS = 60_000; // when there is no room to watch
let stream = null;
let seen = report.dataset.since;
let later = 0;

function watch() {
  clearTimeout(later);
  if (stream || document.visibilityState !== "visible") return;
  stream = new EventSource(`/v1/reports/${reference}/events?since=${encodeURIComponent(seen)}`);
  const news = (event) => {
    seen = event.lastEventId || seen;
    renew();
  };
  stream.addEventListener("update", news);
  stream.addEventListener("reload", news);
  stream.addEventListener("open", () => tell(""));
  stream.addEventListener("error", () => {
    tell(say("away"));
    if (stream?.readyState !== EventSource.CLOSED) return; // it comes back by itself
    leave();
    later = setTimeout(() => renew().finally(watch), LATER_MS);
  });
}

function leave() {
  stream?.close();
  stream = null;
}

function tell(text) {
  line.hidden = !text;
  if (!text) return line.replaceChildren();
  const link = document.createElement("a");
  link.href = location.pathname;
  link.textContent = say("look");
  line.replaceChildren(text, " ", link);
}

let renewing = Promise.resolve();

function renew() {
  renewing = renewing.then(fetched, fetched);
  return renewing;
}

async function fetched() {
  let answer;
  try {
    answer = await fetch(`/r/${reference}`, { cache: "no-store" });
  } catch {
    return tell(say("away"));
  }
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of FRESH) {
    const [old, now] = [at(id), fresh.getElementById(id)];
    if (!old || !now || old.innerHTML === now.innerHTML) continue;
    old.className = now.className;
    old.replaceChildren(...now.childNodes);
  }
  document.title = fresh.title;
}

// A hidden page keeps no line open: a browser has few, and a phone little power.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") {
    renew();
    watch();
  } else {
    leave();
  }
});
addEventListener("pagehide", leave);
addEventListener("pageshow", watch);
watch();
at("told")?.focus();

// --- Is it fixed? --------------------------------------------------------------------------------

const form = at("feedback");
const MOST = 3;
const TRIES = 3;
const sent = new Map(); // File → the id it was stored under

async function send(event) {
  event.preventDefault();
  const files = [...at("photo").files];
  if (files.length > MOST) return status(say("many"));
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  try {
    const photos = [...form.querySelectorAll("[name=photo_id]")].map((each) => each.value);
    for (const [index, file] of files.entries()) {
      status(say("photo", { n: index + 1, of: files.length }));
      photos.push(await stored(file));
    }
    status(say("sending"));
    const description = at("description").value.trim();
    const fixed = form.elements.fixed.value === "yes";
    const answer = await trying(`/v1/reports/${reference}/feedback`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": form.dataset.key },
      body: JSON.stringify({ fixed, ...(description && { description }), photos }),
    });
    const { reopened } = await answer.json();
    location.assign(`/r/${reference}?done=${reopened ? "reopened" : fixed ? "fixed" : "not-fixed"}`);
  } catch (problem) {
    button.disabled = false;
    status(problem.detail ?? say("failed"));
    // What was refused may be said in other words; what did not arrive is the same again.
    if (problem.detail) form.dataset.key = crypto.randomUUID();
  }
}

async function stored(file) {
  if (sent.has(file)) return sent.get(file);
  const { prepare } = await import("./photos.mjs");
  let ready;
  try {
    ready = await prepare(file);
  } catch {
    throw { detail: say("unreadable", { name: file.name }) };
  }
  const id = crypto.randomUUID();
  await trying(`/v1/photos/${id}`, {
    method: "PUT",
    headers: { "Content-Type": ready.type },
    body: ready.bytes,
  });
  sent.set(file, id);
  return id;
}

// The answer; tried again when it did not come, refused in the server's own words.
async function trying(path, how) {
  for (let left = TRIES; ; left -= 1) {
    let answer = null;
    try {
      answer = await fetch(path, { ...how, credentials: "same-origin" });
      if (answer.ok) return answer;
    } catch {
      // No signal.
    }
    const passing = !answer || answer.status >= 500 || [408, 409, 425, 429].includes(answer.status);
    const problem = answer && (await answer.json().catch(() => null));
    const busy = !problem || problem.code === "still-running" || answer.status !== 409;
    if (!(passing && busy) || left === 1) throw problem?.detail && answer.status < 500 ? problem : {};
    await new Promise((over) => setTimeout(over, 1000 * (TRIES - left + 1)));
  }
}

function status(text) {
  at("sending").textContent = text;
}

form?.addEventListener("submit", send);

// --- Your link, and sharing ----------------------------------------------------------------------

at("copy")?.addEventListener("click", async (event) => {
  try {
    await navigator.clipboard.writeText(at("own-link").href);
    event.target.textContent = say("copied");
  } catch {
    getSelection().selectAllChildren(at("own-link")); // to be copied by hand
  }
});

const share = at("share");
if (share && (navigator.share || navigator.clipboard)) {
  share.hidden = false;
  share.addEventListener("click", async () => {
    const { url } = share.dataset;
    try {
      if (navigator.share) return await navigator.share({ title: document.title, url });
      await navigator.clipboard.writeText(url);
      share.textContent = say("copied");
    } catch {
      // They thought better of it.
    }
  });
}

// --- Messages to this device ---------------------------------------------------------------------

const push = at("push");

function pushes(text, { start = false, stop = false } = {}) {
  at("push-words").textContent = text;
  at("push-start").hidden = !start;
  at("push-stop").hidden = !stop;
  push.hidden = false;
}

async function offerPush() {
  if (!("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window)) {
    return pushes(words.pushNo);
  }
  if (Notification.permission === "denied") return pushes(words.pushDenied);
  const worker = await navigator.serviceWorker.getRegistration("/");
  const on = await worker?.pushManager.getSubscription();
  pushes(on ? words.pushOn : words.pushAsk, { start: !on, stop: Boolean(on) });
}

async function startPush() {
  if ((await Notification.requestPermission()) !== "granted") return pushes(words.pushDenied);
  const key = await (await fetch("/v1/push-key")).json();
  const worker = await navigator.serviceWorker.ready;
  const subscription = await worker.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: key.vapid_public_key,
  });
  const { endpoint, keys } = subscription.toJSON();
  const answer = await fetch("/v1/devices/me/push", {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ webpush: { endpoint, keys } }),
  });
  if (!answer.ok) {
    await subscription.unsubscribe();
    throw new Error("refused");
  }
  pushes(words.pushOn, { stop: true });
}

async function stopPush() {
  const answer = await fetch("/v1/devices/me/push", { method: "DELETE" });
  if (!answer.ok) throw new Error("refused");
  const worker = await navigator.serviceWorker.getRegistration("/");
  await (await worker?.pushManager.getSubscription())?.unsubscribe();
  pushes(words.pushOff, { start: true });
}

if (push) {
  const failed = () => pushes(words.pushFailed, { start: true });
  at("push-start").addEventListener("click", () => startPush().catch(failed));
  at("push-stop").addEventListener("click", () => stopPush().catch(failed));
  offerPush().catch(failed);
}
