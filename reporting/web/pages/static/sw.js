// The service worker: the page opens without signal, reports go when nobody looks, and messages are
// shown. `SHELL` (version, files, pages) stands before this, put there by the server.
"use strict";

const CACHE = `kerbline-${SHELL.version}`;
// Large and the same in every version: kept over new versions, and fetched when first used.
const LASTING = "kerbline-lasting";
const PATIENCE_MS = 3000;

importScripts(...SHELL.scripts);

self.addEventListener("install", (event) => event.waitUntil(fill()));

async function fill() {
  const cache = await caches.open(CACHE);
  await cache.addAll(SHELL.files);
  // The form as this browser reads it; and everything in each language, as nobody in particular
  // (asked with cookies, an address with a language would change the one that is remembered).
  for (const page of ["/", ...SHELL.pages]) {
    const credentials = page === "/" ? "same-origin" : "omit";
    const answer = await fetch(page, { credentials, cache: "no-store" });
    if (!answer.ok) throw new Error(`${page}: ${answer.status}`);
    await cache.put(page, answer);
  }
}

self.addEventListener("activate", (event) => event.waitUntil(begin()));

async function begin() {
  const ours = (await caches.keys()).filter((name) => !name.startsWith("kerbline-crew"));
  const old = ours.filter((name) => ![CACHE, LASTING].includes(name));
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

// A new version waits until no page of the old one is open, or somebody asks for it.
self.addEventListener("message", (event) => {
  if (event.data === "take over") self.skipWaiting();
});

// --- Pages and files -----------------------------------------------------------------------------

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate") {
    if (isPage(url)) event.respondWith(page(event, url));
  } else if (url.pathname.startsWith("/static/")) {
    event.respondWith(file(request, url));
  }
});

// Staff's pages are no business of this worker, and neither is the document of the API.
const isPage = ({ pathname }) => !/^\/(v1|console|crew|docs|static|metrics|openapi)/.test(pathname);

async function page(event, url) {
  const isForm = url.pathname === "/";
  try {
    const asked = fetch(event.request);
    if (!isForm) return await asked;
    const answer = await soon(asked);
    if (answer.ok) event.waitUntil(keep(answer.clone()));
    if (answer.status >= 500) throw new Error(); // a report can be written all the same
    return answer;
  } catch {
    const cache = await caches.open(CACHE);
    const lang = url.searchParams.get("lang");
    const variant = lang && (await cache.match(`${isForm ? "/" : "/offline"}?lang=${lang}`));
    if (variant) return variant;
    return (isForm && (await cache.match("/"))) || cache.match(await spoken(cache));
  }
}

// Who waits longer has as good as no signal. What comes later than that is not waited for.
function soon(asked) {
  const late = new Promise((_, failed) => setTimeout(failed, PATIENCE_MS));
  return Promise.race([asked, late]);
}

// The page as it was last seen, in the language it was read in; only one whose files are here too.
async function keep(answer) {
  const text = await answer.text();
  if (!text.includes(`/static/~${SHELL.version}/`)) return;
  const cache = await caches.open(CACHE);
  await cache.put("/", new Response(text, { headers: answer.headers }));
}

// The page for what is not here, in the language of the page that is.
async function spoken(cache) {
  const last = (await cache.match("/"))?.headers.get("Content-Language") ?? "";
  const code = last.split("-")[0];
  return SHELL.pages.find((page) => page === `/offline?lang=${code}`) ?? "/offline?lang=en";
}

async function file(request, url) {
  const lasting = url.pathname.startsWith("/static/vendor/");
  const cache = await caches.open(lasting ? LASTING : CACHE);
  const kept = await cache.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  // Only what never changes under its address.
  const immutable = answer.headers.get("Cache-Control")?.includes("immutable");
  if (answer.status === 200 && immutable) await cache.put(request, answer.clone());
  return answer;
}

// --- Reports that wait ---------------------------------------------------------------------------

self.addEventListener("sync", (event) => {
  if (event.tag === "outbox") event.waitUntil(send());
});

async function send() {
  await Outbox.flush({ wait: true });
  const left = (await Outbox.items()).some((each) => ["waiting", "sending"].includes(each.state));
  if (left) throw new Error("again"); // then the browser wakes us again
}

// --- Messages ------------------------------------------------------------------------------------

self.addEventListener("push", (event) => event.waitUntil(message(event.data?.json() ?? {})));

const SHOWN_LIMIT = 200;

// A message may come twice; it is shown once.
async function message({ title, body, url, tag, update }) {
  const known = (await Store.get("kept", "shown"))?.updates ?? [];
  if (update && known.includes(update)) return;
  if (update) await Store.write(["kept", { id: "shown", updates: [...known, update].slice(-SHOWN_LIMIT) }]);
  await self.registration.showNotification(title ?? "Kerbline", {
    body, tag, renotify: Boolean(tag), data: { url }, icon: SHELL.icon, badge: SHELL.badge,
  });
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(follow(event.notification.data?.url));
});

async function follow(to) {
  const url = new URL(to ?? "/", location.origin);
  if (url.origin !== location.origin) return;
  const open = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const same = open.find((each) => new URL(each.url).pathname === url.pathname);
  if (same) await same.focus();
  else await self.clients.openWindow(url.href);
}
