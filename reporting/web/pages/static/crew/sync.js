// Sending what was done and reading what is new: one at a time over all tabs and the worker, as
// often as it takes. A classic script: the page and the service worker share it. It puts everything
// that the views need on `Crew`.
"use strict";
(function (self) {
  const Db = self.CrewDb;
  const Ops = self.CrewOps;
  const Jobs = self.CrewJobs;
  const Photos = self.CrewPhotos;
  const { Lost, Refused, ask, verdict, observed } = self.Sender;
  const { get, all, change, write, tell, me } = Db;
  const BATCH = 200;
  const EVERY_MS = 60_000; // with nothing to send, as long as the page is looked at
  const LONGEST_S = 300;
  const STUMBLES = 2;
  const inPage = typeof document !== "undefined";

  const sending = new Set(); // ids of what is on its way, here or in another tab
  const progress = new Map(); // picture → share that is there
  let reached = null; // whether the last attempt got through; null before there was one
  let busy = false;

  Db.watch((news) => {
    if (news.kind === "sending") { sending.clear(); for (const id of news.ids) sending.add(id); }
    if (news.kind === "progress") progress.set(news.id, news.share);
    if (news.kind === "sync") ({ reached, busy } = news);
    if (news.mine && inPage) soon();
  });

  const told = (more) => tell("sync", { reached, busy, ...more });

  // --- Who -----------------------------------------------------------------------------------

  // Who the server says is here. Whose work waits on this tablet is never sent as somebody else's.
  async function whoami() {
    const answer = await ask("GET", "/v1/me");
    // A browser that is known as a resident's has no business here either.
    if (answer.status === 403 && answer.json?.code) throw new Refused({ ...answer.json, status: 401 });
    if (answer.status !== 200 || !answer.json?.id) throw verdict(answer);
    const found = answer.json;
    const before = await me();
    if (before?.id !== found.id) await Db.forget();
    const tablet = await Db.tablet();
    await write(["kept", { id: "me", me: found, tablet }], ["kept", { id: "session", signed_in: true }], ["kept", "wiped"]);
    if (before?.id !== found.id) tell("me");
    return found;
  }

  // True where the answer was about who asks and not about what was asked.
  async function turnedAway({ code, status, detail }) {
    if (code === "session-revoked") {
      const anything = (await me()) || (await all("ops")).length;
      if (anything) await Db.wipe(detail ?? "session-revoked");
      return true;
    }
    if (status !== 401) return false;
    await write(["kept", { id: "session", signed_in: false, code }]);
    tell("me");
    return true;
  }

  // --- Operations ----------------------------------------------------------------------------

  async function due(by) {
    const now = Date.now();
    return (await all("ops"))
      .filter((op) => op.by === by.id && op.state === "waiting" && op.hold_until <= now)
      .sort(Ops.bySeq);
  }

  // What the server stumbles over, again and again, goes alone, and its job waits: the others' work
  // arrives meanwhile.
  async function push(by) {
    const stuck = new Map(); // job → what went wrong
    for (;;) {
      // Once it is begun it cannot be undone: the server may have it.
      const batch = [];
      const next = (await due(by)).filter((op) => !stuck.has(op.job));
      for (const op of next.slice(0, failures < STUMBLES ? BATCH : 1)) {
        const begun = await change("ops", op.id, (known) => known?.state === "waiting"
          ? { ...known, begun: true, told_at: known.told_at ?? observed(known.made_at) } : undefined);
        if (begun) batch.push(begun);
      }
      if (!batch.length) break;
      try {
        await exchange(batch);
      } catch (error) {
        const stumbles = error instanceof Lost && error.answered && error.after_s === null;
        if (!stumbles || batch.length > 1) throw error;
        stuck.set(batch[0].job, error);
        await Ops.stumbled(batch[0].id);
      }
    }
    return [...stuck.values()][0] ?? null;
  }

  async function exchange(batch) {
    tell("sending", { ids: batch.map((op) => op.id) });
    try {
      const body = JSON.stringify({ tablet: await Db.tablet(), staff: batch[0].by, operations: batch.map(written) });
      const answer = await ask("POST", "/v1/sync", { headers: { "Content-Type": "application/json" }, body });
      if (answer.status !== 200 || !Array.isArray(answer.json?.results)) throw verdict(answer);
      await took(batch, answer.json.results);
    } catch (error) {
      if (!(error instanceof Refused) || ![400, 413, 415, 422].includes(error.problem.status)) throw error;
      // One that cannot be read at all must not keep the others back.
      if (batch.length === 1) return await took(batch, [{ id: batch[0].id, outcome: "refused", problem: error.problem }]);
      const middle = Math.ceil(batch.length / 2);
      await exchange(batch.slice(0, middle));
      await exchange(batch.slice(middle));
    } finally {
      tell("sending", { ids: [] });
    }
  }

  const written = ({ id, job, seq, base_version, told_at, fields }) =>
    ({ id, job_id: job, device_seq: seq, base_version, made_at: told_at, ...fields });

  async function took(batch, results) {
    const asked = new Set(batch.map((op) => op.id));
    const ours = results.filter((each) => asked.has(each.id));
    // An answer that says nothing of what we asked is none: trying on at once would never end.
    if (!ours.length) throw new Lost({ answered: true });
    const latest = new Map();
    for (const { job } of ours) {
      if (job && !(latest.get(job.id)?.version > job.version)) latest.set(job.id, job);
    }
    const changes = (await Promise.all([...latest.values()].map((job) => Jobs.told(job)))).flat();
    await Ops.settled(ours, changes);
    if (changes.length) tell("jobs");
    const missing = batch.length - ours.length;
    if (missing) throw new Lost({ answered: true });
  }

  // --- A round -------------------------------------------------------------------------------

  let running = null;
  let again = false;
  let failures = 0;
  let timer = 0;

  // Where browsers have no locks two may run: the server still takes each operation once.
  function sync({ wait = false } = {}) {
    if (running) { again = true; return running; }
    running = Db.alone("sync", (mine) => (mine ? round() : null), { wait })
      .catch((error) => self.console?.error(error))
      .finally(() => { running = null; plan(); });
    return running;
  }

  async function round() {
    busy = true;
    told();
    let after_s = 0;
    try {
      const by = await whoami();
      reached = true;
      const stuck = await push(by);
      await Jobs.pull();
      await write(["kept", { id: "sync", at: new Date().toISOString() }], ["kept", "trouble"]);
      told();
      await Photos.send(by, (id, share) => tell("progress", { id, share }));
      await push(by);
      await Jobs.tidy();
      if (stuck) throw stuck;
      failures = 0;
      Photos.cache().catch((error) => self.console?.error(error));
    } catch (error) {
      if (error instanceof Lost) {
        failures += 1;
        reached = error.answered;
        after_s = Math.min(error.after_s ?? 0, 3600);
      } else if (error instanceof Refused) {
        reached = true;
        failures += 1;
        if (!(await turnedAway(error.problem))) await write(["kept", { id: "trouble", problem: error.problem }]);
      } else if (error.code === "storage-full") {
        failures += 1;
        tell("full");
      } else throw error;
    } finally {
      busy = false;
      not_before = Date.now() + after_s * 1000;
      told();
    }
  }

  // --- When ----------------------------------------------------------------------------------

  let not_before = 0;

  function later(ms) {
    if (!inPage) return;
    clearTimeout(timer);
    timer = setTimeout(sync, ms);
  }

  const soon = () => (running ? (again = true) : plan());

  async function plan() {
    if (!inPage) return;
    const by = await me();
    const left = by ? (await Db.unsent(by.id)).filter((each) => each.state === "waiting") : [];
    if (again) { again = false; failures = 0; }
    if (!left.length && !failures) return later(EVERY_MS * (0.75 + Math.random() / 2));
    const backoff = failures ? Math.min(LONGEST_S, 2 ** failures) * (0.5 + Math.random()) * 1000 : 0;
    const held = left.length ? Math.min(...left.map((each) => each.hold_until)) - Date.now() : 0;
    later(Math.max(backoff, held, not_before - Date.now(), 50));
  }

  // Leaving takes a look at what is unsent and the sign-out itself as one.
  function signOut() {
    return Db.alone("sync", async () => {
      const by = await me();
      const left = by ? [...(await Db.unsent(by.id)), ...(await Ops.drafts())] : [];
      if (left.length) return { done: false, unsent: left.length };
      const answer = await ask("POST", "/crew/sign-out").catch(() => null);
      if (answer?.status !== 204) return { done: false, unsent: 0 };
      await Db.forget();
      return { done: true };
    });
  }

  // --- Everything for the views ----------------------------------------------------------------

  // What could not be kept is said at once, whoever asked for it.
  const orFull = (work) => async (...given) => {
    try {
      return await work(...given);
    } catch (error) {
      if (error.code === "storage-full") tell("full");
      throw error;
    }
  };

  async function act(job, fields, how) {
    const id = await Ops.act(job, fields, how);
    if (inPage) {
      self.navigator.storage?.persist?.();
      self.navigator.serviceWorker?.ready.then((worker) => worker.sync?.register("crew")).catch(() => {});
    }
    return id;
  }

  async function state() {
    const [by, session, last, pull, wiped, trouble] = await Promise.all(
      [me(), ...["session", "sync", "pull", "wiped", "trouble"].map((id) => get("kept", id))]);
    const left = by ? await Db.unsent(by.id) : [];
    const number = (test) => left.filter(test).length;
    return {
      online: self.navigator.onLine && reached !== false, busy, me: by, signed_in: Boolean(by) && session?.signed_in !== false,
      waiting: number((each) => each.state === "waiting"), needs: number((each) => each.state !== "waiting"),
      pictures: number((each) => each.upload && each.state === "waiting"), last_sync: last?.at ?? null, list_at: pull?.at ?? null,
      others: await Db.unsentByPerson(by?.id ?? null), wiped: wiped ?? null, trouble: trouble?.problem ?? null, keeps: Db.keeps,
    };
  }

  self.Crew = {
    jobs: Jobs.jobs, job: Jobs.job, act: orFull(act), undo: Ops.undo, resolve: Ops.resolve, again: Ops.again, drop: Ops.drop,
    draft: Ops.draft, saveDraft: Ops.saveDraft, drafts: Ops.drafts,
    queue: () => Ops.queue(sending), exportQueue: Ops.exportQueue, addPicture: orFull(Photos.addPicture),
    photo: Photos.photo, picturesOf: Photos.ofJob, progress: (id) => progress.get(id) ?? 0,
    state, sync, signOut, watch: Db.watch, wipe: Db.wipe, tablet: Db.tablet, words: self.CrewWords,
  };

  if (inPage) {
    const now = () => { failures = 0; not_before = 0; sync(); };
    self.addEventListener("online", now);
    self.addEventListener("pageshow", now);
    self.addEventListener("offline", () => { reached = false; told(); });
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && now());
    Ops.tidy();
  }
})(self);
