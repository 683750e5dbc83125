// The crews' service worker: their page opens without signal, and what was done is sent when nobody
// looks. `SHELL` (version, files, scripts) stands before this, put there by the server.
"use strict";

const CACHE = `kerbline-crew-shell-${SHELL.version}`;
// Large and the same in every version: kept over new versions.
const LASTING = "kerbline-crew-lasting";
const PAGE = "/crew";

importScripts(...SHELL.scripts);

self.addEventListener("install", (event) => event.waitUntil(fill()));

async function fill() {
  const cache = await caches.open(CACHE);
  await cache.addAll(SHELL.files);
  const answer = await fetch(PAGE, { credentials: "omit", cache: "no-store" });
  if (!answer.ok) throw new Error(`${PAGE}: ${answer.status}`);
  await cache.put(PAGE, answer);
  const lasting = await caches.open(LASTING);
  const missing = [];
  for (const file of SHELL.lasting) if (!(await lasting.match(file))) missing.push(file);
  await lasting.addAll(missing);
}

// A new version waits until no page of the old one is open, or somebody asks for it.
self.addEventListener("message", (event) => {
  if (event.data === "take over") self.skipWaiting();
});

self.addEventListener("activate", (event) => event.waitUntil(begin()));

async function begin() {
  const ours = (await caches.keys()).filter((name) => name.startsWith("kerbline-crew-shell-") && name !== CACHE);
  // Another tab may still be in the middle of a job with the files of before.
  const open = (await self.clients.matchAll({ type: "window", includeUncontrolled: true }))
    .filter((each) => new URL(each.url).pathname === PAGE);
  if (open.length < 2) await Promise.all(ours.map((name) => caches.delete(name)));
  await self.clients.claim();
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate") {
    if (url.pathname === PAGE || url.pathname === `${PAGE}/`) event.respondWith(shell(request));
    else if (url.pathname === `${PAGE}/sign-in`) event.respondWith(fetch(request).catch(() => shell(request)));
  } else if (url.pathname.startsWith("/static/")) {
    event.respondWith(file(request));
  }
});

// The page of this version with the files of this version, with signal or without.
async function shell(request) {
  return (await (await caches.open(CACHE)).match(PAGE)) ?? fetch(request);
}

async function file(request) {
  const own = await (await caches.open(CACHE)).match(request);
  const kept = own ?? (await (await caches.open(LASTING)).match(request)) ?? (await caches.match(request));
  return kept ?? fetch(request);
}

// --- What waits ----------------------------------------------------------------------------------

self.addEventListener("sync", (event) => {
  if (event.tag === "crew") event.waitUntil(send());
});

async function send() {
  await Crew.sync({ wait: true });
  const held = (await Crew.queue()).filter((each) => each.state === "held");
  if (held.length) {
    const until = Math.max(...held.map((each) => each.hold_until));
    await new Promise((over) => setTimeout(over, Math.min(30_000, until - Date.now() + 100)));
    await Crew.sync({ wait: true });
  }
  const { waiting, signed_in } = await Crew.state();
  if (waiting && signed_in) throw new Error("again"); // then the browser wakes us again
}
