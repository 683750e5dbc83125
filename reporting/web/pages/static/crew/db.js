// What a crew's tablet keeps, and the news that its tabs and its worker tell each other. A classic
// script: the page and the service worker share it.
//
// jobs: what the server last said of each. ops: what the crew did, until the day after it was
// answered. pictures: the crew's own; photos: the server's, for places without signal; bytes: of
// both. kept: who is signed in, which tablet this is, how far the list was read.
"use strict";
(function (self) {
  const TABLETS = ["tablet", "map"]; // kept for whoever works on it
  const STORES = ["jobs", "ops", "pictures", "photos", "bytes", "kept"];
  const Db = self.storeNamed("kerbline-crew", STORES);
  const { uuid } = self.Sender;
  const { get, all, write, change, empty } = Db;

  // --- News ----------------------------------------------------------------------------------

  const listeners = new Set();
  const channel = self.BroadcastChannel ? new BroadcastChannel("kerbline-crew") : null;

  function hear(news) {
    for (const each of listeners) each(news);
  }

  function tell(kind, more = {}) {
    const news = { kind, ...more };
    hear(news);
    channel?.postMessage(news);
  }

  if (channel) channel.onmessage = (event) => hear({ ...event.data, elsewhere: true });

  function watch(callback) {
    listeners.add(callback);
    return () => listeners.delete(callback);
  }

  // --- Who and which -------------------------------------------------------------------------

  const me = async () => (await get("kept", "me"))?.me ?? null;

  // This tablet's name for itself. It outlives who signs in and out.
  async function tablet() {
    const found = await change("kept", "tablet", (known) => known ?? { id: "tablet", tablet: uuid(), seq: 0 });
    return found.tablet;
  }

  // Numbers for operations, each once, in the order they were made.
  async function numbers(count = 1) {
    const found = await change("kept", "tablet", (known) => ({
      ...(known ?? { id: "tablet", tablet: uuid(), seq: 0 }), seq: (known?.seq ?? 0) + count,
    }));
    return Array.from({ length: count }, (_, i) => found.seq - count + 1 + i);
  }

  const UNSENT = ["waiting", "conflict", "refused"];
  const isUnsent = (record) => UNSENT.includes(record.state);

  // Whether a record may go. A picture that is with the server goes after what names it.
  function isOver(ops) {
    const named = new Set(ops.filter(isUnsent).flatMap((op) => op.fields.photos ?? []));
    return (each) => !isUnsent(each) && !named.has(each.upload);
  }

  async function unsent(person) {
    const [ops, pictures] = await Promise.all([all("ops"), all("pictures")]);
    return [...ops, ...pictures].filter((each) => each.by === person && isUnsent(each));
  }

  async function unsentByPerson(without = null) {
    const [ops, pictures] = await Promise.all([all("ops"), all("pictures")]);
    const found = {};
    for (const each of [...ops, ...pictures]) {
      if (!isUnsent(each) || each.by === without) continue;
      found[each.by] ??= { name: each.by_name, count: 0 };
      found[each.by].count += 1;
    }
    return found;
  }

  // --- Writing when the tablet is full ---------------------------------------------------------

  // What the crew typed goes before pictures that can be fetched again.
  async function keep(...changes) {
    try {
      await write(...changes);
    } catch (error) {
      if (error.code !== "storage-full" || !(await makeRoom())) throw error;
      await write(...changes);
    }
  }

  async function makeRoom() {
    const photos = await all("photos");
    if (photos.length) await write(...photos.flatMap(({ id }) => [["photos", id], ["bytes", id]]));
    return photos.length > 0;
  }

  // --- Leaving -------------------------------------------------------------------------------

  // Somebody else, or nobody, works here now. What was done and not sent stays, under its maker.
  async function forget() {
    const [ops, pictures, photos, kept] = await Promise.all(["ops", "pictures", "photos", "kept"].map(all));
    const over = isOver(ops);
    // Where the list was read to goes first: should this break off, the list is read anew.
    await write(
      ...kept.filter(({ id, draft }) => !draft && !TABLETS.includes(id)).map(({ id }) => ["kept", id]),
      ...ops.filter(over).map(({ id }) => ["ops", id]),
      ...pictures.filter(over).flatMap(({ id }) => [["pictures", id], ["bytes", id]]),
      ...photos.map(({ id }) => ["bytes", id]),
    );
    await empty("jobs", "photos");
    tell("forgotten");
  }

  // The council took this tablet's session away: everything goes, whoever's it is. The page itself
  // stays, so that it can say so.
  async function wipe(why = null) {
    const lost = (await Promise.all([all("ops"), all("pictures")])).flat().filter(isUnsent).length;
    await empty(...STORES);
    if (why) await write(["kept", { id: "wiped", at: new Date().toISOString(), why, lost }]);
    if (self.caches) {
      const kept = (await caches.keys()).filter((name) => name.startsWith("kerbline-crew") && !/-shell-/.test(name));
      await Promise.all(kept.map((name) => caches.delete(name)));
    }
    tell("wiped");
  }

  // One at a time over all tabs and the worker, where browsers can do that.
  function alone(name, work, { wait = true } = {}) {
    const { locks } = self.navigator;
    if (!locks) return work(true);
    return locks.request(`kerbline-crew-${name}`, { ifAvailable: !wait }, (lock) => work(Boolean(lock)));
  }

  self.CrewDb = {
    get, all, change, write, keep, makeRoom, empty, watch, tell, me, tablet, numbers, unsent, unsentByPerson,
    isUnsent, isOver, forget, wipe, alone, uuid, get keeps() { return Db.keeps; },
  };
})(self);
