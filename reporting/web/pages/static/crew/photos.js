// Pictures on the tablet: the crew's own on their way to the server, and the server's for places
// without signal. A classic script: the page and the service worker share it.
"use strict";
(function (self) {
  const { get, all, change, write, keep, tell, watch, me, alone, uuid } = self.CrewDb;
  const { Refused } = self.Sender;
  const { records } = self.CrewJobs;
  const PATIENCE_MS = 60_000;
  const BYTES_LIMIT = 20_000_000; // of one picture, as the server takes it
  const KEPT_BYTES = 150_000_000;
  const SMALL_JOBS = 300;
  const LARGE_JOBS = 40;
  const home = typeof document === "undefined" ? null : document.currentScript?.src;

  // --- The crew's own --------------------------------------------------------------------------

  let adding = Promise.resolve();

  // One after the other: three at once are too much for a small tablet's memory.
  function addPicture(job, blob, show) {
    const added = adding.catch(() => {}).then(() => add(job, blob, show));
    adding = added;
    return added;
  }

  async function add(job, blob, show) {
    const by = await me();
    if (!by) throw Object.assign(new Error("not-signed-in"), { code: "not-signed-in" });
    const { prepare } = await import(new URL("../photos.mjs", home).href);
    const { bytes, type } = await prepare(blob);
    if (bytes.byteLength > BYTES_LIMIT) throw Object.assign(new Error("photo-too-large"), { code: "photo-too-large" });
    const made_at = new Date().toISOString();
    const known = await get("jobs", job);
    const id = uuid();
    const picture = {
      id, upload: uuid(), by: by.id, by_name: by.name, job, show, type, size: bytes.byteLength, made_at,
      reference: known?.whole.reference ?? null, state: "waiting", hold_until: 0, begun: false,
      name: blob.name || `${show}-${made_at.slice(0, 19).replace(/[T:]/g, "-")}.jpg`,
    };
    await keep(["pictures", picture], ["bytes", { id, bytes, type }]);
    tell("pictures", { id, mine: true });
    return id;
  }

  // Send those that wait, then say by an operation for each job that they are there. Statuses have
  // gone before.
  async function send(by, onProgress) {
    let lost = null;
    for (const picture of await waiting(by)) {
      if (picture.sent) continue;
      try {
        await upload(picture, onProgress);
      } catch (error) {
        if (!(error instanceof Refused) || error.problem.status === 401) { lost = error; break; }
        await change("pictures", picture.id, (known) => known && { ...known, state: "refused", problem: error.problem });
        tell("pictures");
      }
    }
    await named(by);
    if (lost) throw lost;
  }

  const waiting = async (by) => (await all("pictures"))
    .filter((each) => each.by === by.id && each.state === "waiting")
    .sort((a, b) => (a.made_at < b.made_at ? -1 : 1));

  async function upload(picture, onProgress) {
    const kept = await get("bytes", picture.id);
    await change("pictures", picture.id, { begun: true });
    await self.Sender.photo({ ...picture, bytes: kept.bytes }, "same-origin", (there) => onProgress(picture.id, there / picture.size));
    await change("pictures", picture.id, (known) => known?.state === "waiting" ? { ...known, sent: true } : undefined);
    tell("pictures");
  }

  async function named(by) {
    const groups = new Map();
    for (const picture of await waiting(by)) {
      if (!picture.sent) continue;
      const key = `${picture.job} ${picture.show}`;
      groups.set(key, [...(groups.get(key) ?? []), picture]);
    }
    for (const group of groups.values()) {
      while (group.length) {
        const some = group.splice(0, self.CrewOps.PHOTOS_LIMIT);
        const [{ job, show, made_at }] = some;
        const [seq] = await self.CrewDb.numbers();
        const fields = { photos: some.map((each) => each.upload), photos_show: show };
        const op = await self.CrewOps.made(job, fields, { by, seq, made_at });
        await keep(["ops", op], ...some.map((each) => ["pictures", { ...each, state: "named", op: op.id }]));
      }
    }
    if (groups.size) tell("ops");
  }

  // --- The server's ----------------------------------------------------------------------------

  // Small ones of all the open jobs, large ones of those that are due first; never more than fits.
  async function wanted() {
    const found = new Map();
    const open = (await records())
      .filter(({ whole }) => !["fixed", "closed"].includes(whole.status))
      .sort((a, b) => (a.whole.due_at < b.whole.due_at ? -1 : 1));
    const add = (size, some) => {
      for (const { whole } of some) {
        for (const photo of [...whole.reports, ...whole.updates].flatMap((part) => part.photos)) {
          if (photo.state === "ready" && photo[size]) found.set(`${photo.id}/${size}`, photo);
        }
      }
    };
    add("small", open.slice(0, SMALL_JOBS));
    add("large", open.slice(0, LARGE_JOBS));
    return found;
  }

  // After the sending, and not in its way.
  const cache = () => alone("photos", (mine) => mine && fill(), { wait: false });

  async function fill() {
    const [want, have] = await Promise.all([wanted(), all("photos")]);
    // What staff looked at since may have more of it filled: it is fetched again.
    const current = ({ id, review }) => want.get(id)?.review === review;
    const old = have.filter((each) => !current(each));
    if (old.length) await write(...old.flatMap(({ id }) => [["photos", id], ["bytes", id]]));
    for (const { id } of old) forgetUrl(id);
    const kept = have.filter(current);
    const there = new Set(kept.map(({ id }) => id));
    let room = KEPT_BYTES - kept.reduce((sum, { size }) => sum + size, 0);
    for (const [id, { review }] of want) {
      if (there.has(id) || room <= 0) continue;
      const bytes = await fetched(id);
      if (bytes === null) return; // no signal: the next round goes on
      if (!(await me())) return; // whoever it was for has left
      try {
        await write(["photos", { id, review, size: bytes.byteLength }], ["bytes", { id, bytes, type: "image/jpeg" }]);
      } catch (error) {
        if (error.code !== "storage-full") throw error;
        return;
      }
      room -= bytes.byteLength;
      if (bytes.byteLength) tell("photo", { id });
    }
  }

  // Its bytes; none at all where the server has none for us.
  async function fetched(id) {
    const control = new AbortController();
    const timer = setTimeout(() => control.abort(), PATIENCE_MS);
    try {
      const answer = await fetch(`/v1/photos/${id}`, { signal: control.signal, cache: "no-store", redirect: "error" });
      if ([404, 410].includes(answer.status)) return new ArrayBuffer(0);
      return answer.ok && answer.headers.get("Content-Type") === "image/jpeg" ? await answer.arrayBuffer() : null;
    } catch {
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  // --- Showing -------------------------------------------------------------------------------

  const urls = new Map();
  watch((news) => {
    if (news.kind === "photo") forgetUrl(news.id);
    if (!["forgotten", "wiped"].includes(news.kind)) return;
    for (const url of urls.values()) URL.revokeObjectURL(url);
    urls.clear();
  });

  function forgetUrl(key) {
    if (urls.has(key)) URL.revokeObjectURL(urls.get(key));
    urls.delete(key);
  }

  // An address for a picture that is on this tablet: of the server's by its id, of one's own by the
  // id of its upload. Null where it is not here.
  async function photo(id, size = "small") {
    const key = `${id}/${size}`;
    if (urls.has(key)) return urls.get(key);
    const other = `${id}/${size === "small" ? "large" : "small"}`;
    const found = (await bytesOf(key)) ?? (await ownBytes(id)) ?? (await bytesOf(other));
    if (!found) return null;
    const url = URL.createObjectURL(new Blob([found.bytes], { type: found.type }));
    if (found.id === key || !found.id.includes("/")) urls.set(key, url);
    return url;
  }

  async function bytesOf(id) {
    const found = await get("bytes", id);
    return found?.bytes.byteLength ? found : null;
  }

  async function ownBytes(id) {
    const own = (await all("pictures")).find((each) => each.upload === id || each.id === id);
    return own ? bytesOf(own.id) : null;
  }

  // A job's own pictures, with what has become of each.
  const ofJob = async (job) => (await all("pictures"))
    .filter((each) => each.job === job && each.state !== "settled").sort((a, b) => (a.made_at < b.made_at ? -1 : 1));

  self.CrewPhotos = { addPicture, send, cache, photo, ofJob };
})(self);
