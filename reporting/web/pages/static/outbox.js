// What this browser has to send: drafts, photos and reports, kept in IndexedDB until we have them.
// A classic script, because pages and the service worker (importScripts) share it. It stands on
// store.js (what is kept) and sender.js (one photo, one report, over a bad line).
//
// A report is sent once: its id is made here and goes with every attempt, so the server knows it
// again. Tokens never come here: the browser is known by a cookie that no script can read.
"use strict";
(function (self) {
  const { get, all, write, change } = self.Store;
  const { Lost, Refused, uuid } = self.Sender;
  const DAY_MS = 24 * 3600 * 1000;
  const LOCK = "kerbline-outbox";
  const PHOTOS_LIMIT = 3;
  const BYTES_LIMIT = 20_000_000;
  const inPage = typeof document !== "undefined";
  // A dynamic import from here is relative to this file, whatever its version.
  const home = inPage ? document.currentScript?.src : null;

  const problemOf = (code) => Object.assign(new Error(code), { code });

  // --- Telling pages -------------------------------------------------------------------------

  const listeners = new Set();
  const channel = self.BroadcastChannel ? new BroadcastChannel(LOCK) : null;
  const progress = new Map(); // photo id → bytes that are there
  let sendingNow = null; // the report that is being sent, here or in another tab

  function hear(news) {
    if (news.kind === "progress") progress.set(news.id, news.bytes);
    if (news.kind === "sending") sendingNow = news.id;
    for (const each of listeners) each(news);
  }

  function tell(news) {
    hear(news);
    channel?.postMessage(news);
  }

  if (channel) channel.onmessage = (event) => {
    hear(event.data);
    if (event.data.kind === "queued" && inPage) flush();
  };

  // --- Drafts --------------------------------------------------------------------------------

  let mine = null; // the draft of this page; another tab has another
  let left = null; // what was queued last, so that sending twice is sending once
  const urls = new Map();

  // While a page is open no other page takes its draft. A page that is just closing needs a moment.
  async function hold(id) {
    if (!self.navigator.locks) return true;
    const control = new AbortController();
    setTimeout(() => control.abort(), 1500);
    return new Promise((told) => {
      const held = () => { told(true); return new Promise(() => {}); };
      self.navigator.locks.request(`kerbline-draft-${id}`, { signal: control.signal }, held).catch(() => told(false));
    });
  }

  async function begin() {
    if (mine) return;
    mine = uuid();
    hold(mine);
  }

  async function photosOf(id) {
    const found = (await all("photos")).filter((photo) => photo.of === id && !photo.removed_at);
    return found.sort((a, b) => a.added_at - b.added_at);
  }

  const gone = (photos) => photos.flatMap(({ id }) => [["photos", id], ["bytes", id]]);

  async function shown(photo) {
    if (!urls.has(photo.id)) {
      const { bytes } = await get("bytes", photo.id);
      urls.set(photo.id, URL.createObjectURL(new Blob([bytes], { type: photo.type })));
    }
    const { id, name, position, taken_at, problem } = photo;
    return { id, url: urls.get(id), name, position, taken_at, problem, progress: share(photo) };
  }

  const share = (photo) => (photo.sent ? 1 : Math.min(0.99, (progress.get(photo.id) ?? 0) / photo.size));

  let adding = Promise.resolve();

  async function add(file) {
    const { prepare } = await import(new URL("photos.mjs", home).href);
    const { bytes, type, position, taken_at } = await prepare(file);
    if (bytes.byteLength > BYTES_LIMIT) throw problemOf("photo-too-large");
    await begin();
    if ((await photosOf(mine)).length >= PHOTOS_LIMIT) throw problemOf("photos-too-many");
    const photo = {
      id: uuid(), of: mine, upload: uuid(), name: file.name, type, size: bytes.byteLength,
      position, taken_at, sent: false, added_at: performance.timeOrigin + performance.now(),
    };
    const known = await get("drafts", mine);
    const kept = known ?? { id: mine, fields: {}, saved_at: new Date().toISOString() };
    await write(["photos", photo], ["bytes", { id: photo.id, bytes }], ["drafts", kept]);
    later(0);
    return shown(photo);
  }

  const draft = {
    async load() {
      if (!mine) {
        const known = (await all("drafts")).sort((a, b) => (a.saved_at < b.saved_at ? 1 : -1));
        for (const each of known) {
          if (await hold(each.id)) { mine = each.id; break; }
        }
        const removed = (await all("photos")).filter((photo) => photo.of === mine && photo.removed_at);
        if (removed.length) await write(...gone(removed));
      }
      const found = mine && (await get("drafts", mine));
      if (!found) return null;
      const photos = await Promise.all((await photosOf(mine)).map(shown));
      later(0);
      return { fields: found.fields, saved_at: found.saved_at, photos };
    },

    async save(fields) {
      // A save that was on its way while the report was queued must not bring the draft back.
      if (!mine && left && left.fields === JSON.stringify(fields)) return;
      await begin();
      await write(["drafts", { id: mine, fields, saved_at: new Date().toISOString() }]);
    },

    // One after the other: three at once are too much for a small phone's memory.
    addPhoto(file) {
      const added = adding.catch(() => {}).then(() => add(file));
      adding = added;
      return added;
    },

    async removePhoto(id) {
      await change("photos", id, { removed_at: Date.now() });
    },

    async restorePhoto(id) {
      await change("photos", id, { removed_at: null });
      later(0);
    },

    async clear() {
      if (!mine) return;
      const its = (await all("photos")).filter((photo) => photo.of === mine);
      await write(["drafts", mine], ...gone(its));
      mine = null;
    },
  };

  // --- Reports -------------------------------------------------------------------------------

  async function queue(body, { summary = "" } = {}) {
    const { observed_at: _, ...said } = body; // that is ours to say: this device's clock may be wrong
    const words = JSON.stringify(said);
    const known = mine && (await get("drafts", mine));
    if (!known && left?.words === words) return { id: left.id };
    const id = mine ?? uuid();
    const photos = await photosOf(id);
    const report = {
      id, state: "waiting", body: said, summary, made_at: new Date().toISOString(),
      fields: known?.fields ?? {}, photos: photos.map((photo) => photo.id), failures: 0,
    };
    mine = null;
    left = { id, words, fields: JSON.stringify(report.fields) };
    try {
      await write(["reports", report], ["drafts", id]);
    } catch (error) {
      [mine, left] = [id, null];
      throw error;
    }
    tell({ kind: "queued", id });
    if (inPage) {
      self.navigator.storage?.persist?.();
      self.navigator.serviceWorker?.ready.then((worker) => worker.sync?.register("outbox")).catch(() => {});
    }
    flush();
    return { id };
  }

  async function items() {
    const [reports, photos, held] = await Promise.all([all("reports"), all("photos"), isSending()]);
    return reports
      .filter((report) => !report.discarded_at)
      .sort((a, b) => (a.made_at < b.made_at ? 1 : -1))
      .map(({ id, state, made_at, summary, answer, problem, photos: named }) => {
        const goes = state === "waiting" && held && sendingNow === id && self.navigator.onLine;
        const is = goes ? "sending" : state;
        return { id, state: is, progress: along(state, named, photos), made_at, summary, answer, problem };
      });
  }

  // The words of a report weigh little beside its photos.
  function along(state, named, photos) {
    if (state !== "waiting") return state === "refused" ? 0 : 1;
    const its = photos.filter((photo) => named.includes(photo.id));
    const size = its.reduce((sum, photo) => sum + photo.size, 0);
    return size && its.reduce((sum, photo) => sum + share(photo) * photo.size, 0) / size * 0.95;
  }

  async function isSending() {
    if (!self.navigator.locks?.query) return sending !== null;
    return (await self.navigator.locks.query()).held.some((each) => each.name === LOCK);
  }

  // A refused report as a draft again, with everything that was typed and every photo.
  async function reopen(id) {
    const report = await get("reports", id);
    const may = report?.state === "refused" || report?.problem?.code === "confirm-by-email";
    if (!may) return;
    // Under its old id, unless that is what was wrong: should an attempt have arrived after all, the
    // server says so instead of taking it twice.
    const again = report.problem?.code === "idempotency-key-reused" ? uuid() : id;
    const photos = await photosOf(id);
    await write(
      ["drafts", { id: again, fields: report.fields, saved_at: new Date().toISOString() }],
      ["reports", id],
      ...photos.map((photo) => ["photos", { ...photo, of: again, problem: undefined }]),
    );
    mine = again;
    left = null;
    hold(again);
    tell({ kind: "items" });
  }

  async function discard(id) {
    await change("reports", id, { discarded_at: Date.now() });
    tell({ kind: "items" });
  }

  async function restore(id) {
    await change("reports", id, { discarded_at: null });
    tell({ kind: "items" });
    flush();
  }

  // What was discarded a while ago, and what was sent long ago, goes; with it photos of nobody.
  async function tidy() {
    const old = Date.now() - 60 * DAY_MS;
    const reports = await all("reports");
    const past = reports.filter((each) =>
      each.discarded_at < Date.now() - 600_000 || (each.state === "sent" && Date.parse(each.made_at) < old));
    const ids = new Set(past.map((each) => each.id));
    const photos = (await all("photos")).filter((photo) => ids.has(photo.of));
    const changes = [...past.map((each) => ["reports", each.id]), ...gone(photos)];
    if (changes.length) await write(...changes);
  }

  // --- Sending -------------------------------------------------------------------------------

  let sending = null;
  let asked = false; // for another round, while one is on
  let failures = 0;
  let timer = 0;

  // One sender at a time, over all tabs and the worker. Where browsers have no locks two may run:
  // the server still takes each report once. The worker waits for its turn, because whoever sends
  // now may be closed in the middle.
  function flush({ wait = false } = {}) {
    if (sending) {
      asked = true;
      return sending;
    }
    sending = (async () => {
      if (!self.navigator.locks) return round();
      const options = wait ? {} : { ifAvailable: true };
      return self.navigator.locks.request(LOCK, options, (lock) => (lock ? round() : null));
    })().finally(async () => {
      sending = null;
      await plan();
    });
    return sending;
  }

  function later(ms) {
    if (!inPage) return;
    clearTimeout(timer);
    timer = setTimeout(flush, ms);
  }

  // When to look again: soon for what came meanwhile, else the longer the more often it failed.
  async function plan() {
    if (!inPage) return;
    if (asked) {
      asked = false;
      return later(0);
    }
    const left = await unsent();
    if (!left.length) return;
    const backoff = Math.min(300, 2 ** failures) * (0.5 + Math.random()) * 1000;
    const soonest = Math.min(...left.map((each) => each.wait_until ?? 0)) - Date.now();
    later(Math.max(backoff, soonest));
  }

  // Reports in the order they were written, then, in the page where it is filled in, what its draft
  // has: a photo that is there already is one less to wait for.
  async function unsent() {
    const reports = (await all("reports"))
      .filter((each) => each.state === "waiting" && !each.discarded_at)
      .sort((a, b) => (a.made_at < b.made_at ? -1 : 1));
    const photos = mine ? await photosOf(mine) : [];
    return [...reports, ...photos.filter((photo) => !photo.sent && !photo.problem)];
  }

  async function round() {
    const tried = new Set();
    for (;;) {
      const due = (each) => !tried.has(each.id) && !(each.wait_until > Date.now());
      const next = (await unsent()).find(due);
      if (!next) return;
      tried.add(next.id);
      try {
        const credentials = (await Sender.introduce()) ? "same-origin" : "omit";
        await (next.of ? upload(next, credentials) : send(next.id, next.credentials ?? credentials));
        failures = 0;
      } catch (error) {
        if (error instanceof Refused && next.of) await change("photos", next.id, { problem: error.problem });
        if (!(error instanceof Lost) && !(error instanceof Refused)) throw error;
        if (error instanceof Lost) {
          failures += 1;
          // No more than an hour, whatever a broken server says.
          const wait_until = Date.now() + Math.min(error.after_s ?? 0, 3600) * 1000;
          await change(next.of ? "photos" : "reports", next.id, { wait_until, ...(!next.of && { problem: error.problem }) });
          if (!error.answered) return;
        }
      } finally {
        if (!next.of) tell({ kind: "sending", id: null });
        tell({ kind: next.of ? "photo" : "items", id: next.id });
      }
    }
  }

  async function upload(photo, credentials) {
    await change("photos", photo.id, { begun: true });
    let said = 0;
    const { bytes } = await get("bytes", photo.id);
    await Sender.photo({ ...photo, bytes }, credentials, (there) => {
      if (there < photo.size && Math.abs(there - said) < photo.size / 100) return;
      said = there;
      tell({ kind: "progress", id: photo.id, of: photo.of, bytes: there });
    });
    await change("photos", photo.id, { sent: true });
  }

  async function send(id, credentials) {
    tell({ kind: "sending", id });
    await change("reports", id, { credentials });
    for (;;) {
      try {
        for (const photo of await photosOf(id)) {
          if (!photo.sent) await named(upload(photo, credentials), photo);
        }
        const report = await get("reports", id);
        if (report?.state !== "waiting" || report.discarded_at) return;
        const done = await Sender.report(id, report.text ?? (await written(report)), credentials);
        return await settle(report, done);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (await remedied(id, error.problem)) continue;
        await change("reports", id, { state: "refused", problem: error.problem, text: null });
        return;
      }
    }
  }

  // A refusal of a photo says which.
  const named = (attempt, photo) =>
    attempt.catch((error) => {
      if (error instanceof Refused) error.problem.photo = photo.id;
      throw error;
    });

  // The body as it is sent, every time the same: kept before it goes out for the first time.
  async function written({ id, body, made_at, timeless }) {
    const photos = (await photosOf(id)).map((photo) => photo.upload);
    const whole = { ...body, ...(photos.length && { photos }) };
    if (!photos.length) delete whole.photos;
    if (!timeless) whole.observed_at = Sender.observed(made_at);
    const text = JSON.stringify(whole);
    await change("reports", id, { text });
    return text;
  }

  // A refusal that we can do something about, once. Nothing was stored under this id, so the body
  // may change.
  async function remedied(id, problem) {
    const report = await get("reports", id);
    if (problem.code === "observed-at-refused" && !report.timeless) {
      // The answer told the time: the first refusal sets our clock, the second does without.
      await change("reports", id, { text: null, retimed: true, timeless: Boolean(report.retimed) });
      return true;
    }
    if (["photo-unknown", "photo-taken"].includes(problem.code) && !report.renewed) {
      // Kept so long in the draft that the server forgot them, or begun before this browser was
      // known: they are sent anew, under new ids.
      const photos = await photosOf(id);
      const anew = () => ({ upload: uuid(), sent: false, begun: false, problem: undefined });
      await write(...photos.map((photo) => ["photos", { ...photo, ...anew() }]));
      await change("reports", id, { text: null, renewed: true });
      return true;
    }
    return false;
  }

  // It is there. What was typed and the pictures go; what was answered stays.
  async function settle({ id, made_at, summary }, { state, answer }) {
    const photos = (await all("photos")).filter((photo) => photo.of === id);
    const record = { id, state, made_at, summary, answer, photos: [] };
    await write(["reports", record], ...gone(photos));
  }

  self.Outbox = {
    draft, queue, items, reopen, discard, restore, flush,
    on(callback) { listeners.add(callback); return () => listeners.delete(callback); },
    // Whether what is typed here outlives the page. Known once anything was asked of us.
    get keeps() { return self.Store.keeps; },
  };

  if (inPage) {
    const now = () => { failures = 0; flush(); };
    self.addEventListener("online", now);
    self.addEventListener("pageshow", now);
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && now());
    tidy();
  }
})(self);
