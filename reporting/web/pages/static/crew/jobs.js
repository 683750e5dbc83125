// The jobs as the server last told them: read on from where the last reading ended, and shown with
// what was done here laid over. A classic script: the page and the service worker share it.
"use strict";
(function (self) {
  const { get, all, keep, write, tell, watch, me, isUnsent } = self.CrewDb;
  const { ask, verdict } = self.Sender;
  const { laid } = self.CrewOps;
  const PAGE = 200;
  const CLOSED_DAYS = 3;

  // Reading 500 whole jobs out of the store for every tap would be felt.
  let known = null;
  watch((news) => { if (["jobs", "forgotten", "wiped"].includes(news.kind)) known = null; });

  async function records() {
    known ??= all("jobs");
    try {
      return await known;
    } catch (error) {
      known = null;
      throw error;
    }
  }

  async function jobs() {
    const [found, ops, by] = await Promise.all([records(), all("ops"), me()]);
    if (!by) return [];
    const mine = ops.filter((op) => op.by === by.id);
    return found.map((record) => laid(record, mine, by));
  }

  async function job(id) {
    const [record, ops, by] = await Promise.all([get("jobs", id), all("ops"), me()]);
    return record && by ? laid(record, ops.filter((op) => op.by === by.id), by) : null;
  }

  // What to write for a job that the server told: nothing, if we know a later one.
  async function told(whole, more = {}) {
    const before = await get("jobs", whole.id);
    if (before && before.whole.version > whole.version) return [];
    return [["jobs", { id: whole.id, whole, round: before?.round ?? null, left: false, ...more }]];
  }

  // --- Reading -------------------------------------------------------------------------------

  // Each page is kept together with where the next one begins, so nothing is missed wherever this
  // breaks off.
  async function pull() {
    let place = (await get("kept", "pull")) ?? { id: "pull", cursor: "", round: self.CrewDb.uuid(), whole: true };
    for (;;) {
      const path = `/v1/jobs?updated_since=${encodeURIComponent(place.cursor)}&limit=${PAGE}`;
      const headers = place.etag ? { "If-None-Match": place.etag } : {};
      const answer = await ask("GET", path, { headers });
      if (answer.status === 304) return;
      // Too old, or of keys that are no longer in use.
      const isOver = answer.status === 410 || answer.json?.code === "cursor-refused";
      if (isOver && place.cursor) {
        place = { id: "pull", cursor: "", round: self.CrewDb.uuid(), whole: true };
        continue;
      }
      if (answer.status !== 200 || !Array.isArray(answer.json?.items)) throw verdict(answer);
      place = await took(place, answer);
      if (!answer.json.more) return;
    }
  }

  async function took(place, { json: { items, gone, cursor, more }, header }) {
    const fresh = place.whole;
    const changes = [];
    for (const whole of items) {
      // A database that was restored knows less than it did: what it tells from the start counts.
      changes.push(...(fresh ? [["jobs", { id: whole.id, whole, round: place.round, left: false }]] : await told(whole)));
    }
    const leaving = new Set(gone);
    if (fresh && !more) {
      const named = new Set(items.map((each) => each.id));
      for (const record of await all("jobs")) {
        if (record.round !== place.round && !named.has(record.id)) leaving.add(record.id);
      }
    }
    changes.push(...(await departed(leaving)));
    const next = {
      ...place, cursor, whole: fresh && more, at: new Date().toISOString(),
      // An answer that brought nothing is the one to ask for again.
      etag: !items.length && !gone.length && cursor === place.cursor ? header("ETag") : null,
    };
    await keep(...changes, ["kept", next]);
    if (changes.length) tell("jobs");
    return next;
  }

  // A job that left the team goes, unless something was done to it that has not arrived.
  async function departed(ids) {
    if (!ids.size) return [];
    const ops = (await Promise.all([all("ops"), all("pictures")])).flat().filter(isUnsent);
    const busy = new Set(ops.map((op) => op.job));
    const changes = [];
    for (const id of ids) {
      const record = await get("jobs", id);
      if (record) changes.push(["jobs", busy.has(id) ? { ...record, left: true } : id]);
    }
    return changes;
  }

  // Those that were only kept for what was unsent, and what was closed days ago.
  async function tidy() {
    const old = Date.now() - CLOSED_DAYS * 24 * 3600 * 1000;
    const over = ({ left, whole }) => left || (whole.closed_at && Date.parse(whole.closed_at) < old);
    const ids = (await records()).filter(over).map((record) => record.id);
    const changes = (await departed(new Set(ids))).filter(([, what]) => typeof what === "string");
    if (!changes.length) return;
    await write(...changes);
    tell("jobs");
  }

  self.CrewJobs = { jobs, job, records, told, pull, tidy };
})(self);
