// What the crew does to jobs: each is an operation, kept here until the server has said what became
// of it, and a day longer. A classic script: the page and the service worker share it.
//
// waiting (held back while it can be undone, then sent) → applied, conflict or refused; those two
// need somebody, who settles them. Nothing goes by itself but what was applied or settled yesterday.
"use strict";
(function (self) {
  const { get, all, change, write, keep, tell, me, numbers, isUnsent, isOver, alone, uuid } = self.CrewDb;
  const Words = self.CrewWords;
  const UNDO_S = 8;
  const STUMBLES = 5;
  const STUMBLED = "stumbled";
  const DAY_MS = 24 * 3600 * 1000;
  const PHOTOS_LIMIT = 10; // of one update, as the server takes it
  // What goes along with a field and means nothing without it.
  const ALONG = { status: ["reason", "scheduled_for", "referred_to", "authority"], photos: ["photos_show"] };

  const refusal = (code) => Object.assign(new Error(code), { code });
  const bySeq = (a, b) => a.seq - b.seq;

  // --- Doing ---------------------------------------------------------------------------------

  // An operation as it is kept and, later, sent: its words never change again.
  async function made(job, fields, { by, seq, undo_s = 0, made_at = null }) {
    const known = await get("jobs", job);
    const now = Date.now();
    return {
      id: uuid(), by: by.id, by_name: by.name, job, seq, fields, state: "waiting",
      reference: known?.whole.reference ?? null, base_version: known?.whole.version ?? 1,
      made_at: made_at ?? new Date(now).toISOString(), hold_until: now + undo_s * 1000,
    };
  }

  async function act(job, fields, { undo_s = UNDO_S } = {}) {
    const by = await me();
    if (!by) throw refusal("not-signed-in");
    const [seq] = await numbers();
    const op = await made(job, fields, { by, seq, undo_s });
    await keep(["ops", op]);
    tell("ops", { id: op.id, mine: true });
    return op.id;
  }

  // False when it is too late: it may be with the server already.
  async function undo(id) {
    const found = await change("ops", id, (op) =>
      op?.state === "waiting" && !op.begun ? { ...op, state: "undone" } : undefined);
    if (!found) return false;
    await write(["ops", id]);
    tell("ops", { id });
    return true;
  }

  // --- Laying them over the server's jobs ------------------------------------------------------

  // The job as it is once what was done here has arrived. `pending` is what has not.
  function laid(record, ops, by) {
    const its = ops.filter((op) => op.job === record.id && isUnsent(op)).sort(bySeq);
    const shown = { ...record.whole, left: Boolean(record.left), pending: its };
    const going = its.filter((op) => op.state === "waiting");
    if (!going.length) return shown;
    shown.updates = [...(shown.updates ?? [])];
    for (const { id, fields, made_at } of going) {
      const { note, public_message, photos = [], photos_show, worker, ...changes } = fields;
      for (const field of ["priority", "scheduled_for", "location", "category", "referred_to"]) {
        if (fields[field] !== undefined) shown[field] = fields[field];
      }
      if (fields.status) {
        shown.status = fields.status;
        shown.reason = fields.reason ?? null;
        shown.closed_at = ["fixed", "closed"].includes(fields.status) ? made_at : null;
        if (fields.status === "in_progress" && worker === undefined) shown.worker = { id: by.id, name: by.name };
        if (["fixed", "closed", "referred", "waiting"].includes(fields.status)) shown.overdue = false;
      }
      if (worker !== undefined) shown.worker = worker === "me" ? { id: by.id, name: by.name } : worker;
      shown.updates.push({
        id, version: null, kind: fields.status ? "changed" : "noted", by: by.name, made_at, recorded_at: null,
        changes: { ...changes, ...(photos_show && { photos_show }) }, why: null, note: note ?? null,
        public_message: public_message ?? null, pending: true,
        photos: photos.map((photo) => ({ id: photo, state: "ready", review: "auto_ok", large: null, small: null })),
      });
    }
    return shown;
  }

  // --- What became of them -------------------------------------------------------------------

  // Every outcome is kept, in one transaction with the jobs that came with it.
  async function settled(results, jobChanges) {
    const now = new Date().toISOString();
    const changes = [];
    for (const { id, outcome, conflicts, problem, job } of results) {
      const op = await get("ops", id);
      if (op?.state !== "waiting") continue;
      const state = ["applied", "already_applied"].includes(outcome) ? "applied" : outcome;
      if (!["applied", "conflict", "refused"].includes(state)) continue;
      const more = {
        ...(conflicts && { conflicts }), ...(problem && { problem }), ...(job && { version: job.version }),
      };
      const renewed = problem?.code === "photo-unknown" ? await renewal(op, now) : null;
      changes.push(...(renewed ?? [["ops", { ...op, state, answered_at: now, ...more }]]));
    }
    await keep(...changes, ...jobChanges);
    if (changes.length) tell("ops");
  }

  // The server answered that it could not, again and again: somebody should know.
  async function stumbled(id) {
    const problem = { code: STUMBLED, detail: "The server could not deal with this. Try it again later, or tell your supervisor." };
    await change("ops", id, (op) => {
      if (op?.state !== "waiting") return undefined;
      const stumbles = (op.stumbles ?? 0) + 1;
      return stumbles < STUMBLES ? { ...op, stumbles } : { ...op, stumbles: 0, state: "refused", problem };
    });
    tell("ops");
  }

  // Pictures that waited so long that the server forgot them are sent anew, once, under new ids.
  async function renewal(op, now) {
    const its = (await all("pictures")).filter((each) => op.fields.photos?.includes(each.upload) && !each.renewed);
    if (!its.length || its.length < op.fields.photos.length) return null;
    const anew = () => ({ upload: uuid(), state: "waiting", begun: false, sent: false, renewed: true });
    const rest = without(op.fields, ["photos"]);
    const changes = its.map((each) => ["pictures", { ...each, ...anew() }]);
    if (Object.keys(rest).length) {
      const [seq] = await numbers();
      changes.push(["ops", await made(op.job, rest, { by: { id: op.by, name: op.by_name }, seq, made_at: op.made_at })]);
    }
    return [...changes, ["ops", { ...op, state: "settled", settled: "again", settled_at: now }]];
  }

  // The same fields but these, and what only went along with them.
  function without(fields, names) {
    const gone = new Set(names.flatMap((name) => [name, ...(ALONG[name] ?? [])]));
    if (ALONG.status.some((field) => names.includes(field))) gone.add("status").add("reason");
    // Starting is saying that one is on it oneself.
    if (gone.has("worker") && fields.status === "in_progress") gone.add("status");
    return Object.fromEntries(Object.entries(fields).filter(([name]) => !gone.has(name)));
  }

  // All that clashes on a job at once: what was done to it last is what "mine" means. What did not
  // clash is sent either way.
  function resolve(id, which) {
    return alone("settling", async () => {
      const chosen = await get("ops", id);
      if (chosen?.state !== "conflict") return;
      const same = (await all("ops"))
        .filter((op) => op.job === chosen.job && op.by === chosen.by && op.state === "conflict").sort(bySeq);
      await instead(same, which, (op) =>
        which === "mine" ? op.fields : without(op.fields, op.conflicts.map((each) => each.field)));
    });
  }

  // What was refused, as a new operation on the job as it is now.
  function again(id) {
    return alone("settling", async () => {
      const op = await get("ops", id);
      // It may have arrived after all: the same again is safe, the same as new is not.
      const isSame = op?.state === "refused" && op.problem?.code === STUMBLED;
      if (isSame) await change("ops", id, { state: "waiting", problem: null });
      if (isSame) return tell("ops", { mine: true });
      if (op?.state === "refused") return instead([op], "again", ({ fields }) => fields);
      await change("pictures", id, (known) =>
        known?.state === "refused" ? { ...known, state: "waiting", upload: uuid(), begun: false, problem: null } : undefined);
      tell("pictures", { mine: true });
    });
  }

  async function instead(old, how, fieldsOf) {
    const now = new Date().toISOString();
    const seqs = await numbers(old.length);
    const changes = [];
    for (const op of old) {
      const fields = fieldsOf(op);
      const by = { id: op.by, name: op.by_name };
      const late = op.problem?.code === "made-at-refused";
      const next = Object.keys(fields).length
        ? await made(op.job, fields, { by, seq: seqs.shift(), made_at: late ? null : op.made_at }) : null;
      if (next) changes.push(["ops", { ...next, instead_of: op.id }]);
      changes.push(["ops", { ...op, state: "settled", settled: how, settled_at: now, instead: next?.id ?? null }]);
    }
    await keep(...changes);
    tell("ops", { mine: true });
  }

  // The page has asked. What was typed can still be exported until tomorrow.
  async function drop(id) {
    const now = new Date().toISOString();
    const isTooLate = (known) => known.state === "waiting" && (known.upload ? known.sent : known.begun);
    const gone = (known) => known && isUnsent(known) && !isTooLate(known)
      ? { ...known, state: "settled", settled: "dropped", settled_at: now } : undefined;
    const found = (await change("ops", id, gone)) ?? (await change("pictures", id, gone));
    tell("ops");
    return Boolean(found);
  }

  // --- What is being typed -------------------------------------------------------------------

  const draftId = (by, job) => `draft ${by.id} ${job}`;

  async function draft(job) {
    const by = await me();
    return by ? (await get("kept", draftId(by, job)))?.fields ?? null : null;
  }

  // Nothing typed (null, or fields that are all empty) is no draft.
  async function saveDraft(job, fields) {
    const by = await me();
    if (!by) throw refusal("not-signed-in");
    const id = draftId(by, job);
    const typed = fields && Object.values(fields).some((value) => (value?.length ?? value) || value === 0);
    if (!typed) {
      if (await get("kept", id)) { await write(["kept", id]); tell("drafts"); }
      return;
    }
    const known = await get("jobs", job);
    const at = new Date().toISOString();
    await keep(["kept", { id, draft: true, by: by.id, job, reference: known?.whole.reference ?? null, fields, at }]);
    tell("drafts");
  }

  async function drafts() {
    const by = await me();
    return by ? (await all("kept")).filter((each) => each.draft && each.by === by.id) : [];
  }

  // --- The queue -------------------------------------------------------------------------------

  const shownState = (op, sending) => {
    if (op.state !== "waiting") return op.state;
    if (op.hold_until > Date.now()) return "held";
    return sending.has(op.id) ? "sending" : "waiting";
  };

  // Everything of this person on this tablet, the latest first.
  async function queue(sending = new Set()) {
    const by = await me();
    if (!by) return [];
    const [ops, pictures] = await Promise.all([all("ops"), all("pictures")]);
    const shown = ops.filter((op) => op.by === by.id && op.state !== "undone").map((op) => ({
      id: op.id, kind: "operation", job: op.job, reference: op.reference, what: Words.described(op.fields),
      fields: op.fields, state: shownState(op, sending), at: op.made_at, answered_at: op.answered_at ?? null,
      hold_until: op.hold_until, problem: op.problem ?? null, conflicts: op.conflicts ?? null,
      settled: op.settled ?? null, settled_at: op.settled_at ?? null, seq: op.seq,
    }));
    const own = pictures.filter((each) => each.by === by.id && each.state !== "named").map((each) => ({
      id: each.id, kind: "picture", job: each.job, reference: each.reference, what: `${each.show === "before" ? "A before" : "An after"} photo`,
      show: each.show, state: shownState(each, sending), at: each.made_at, answered_at: null, hold_until: 0,
      problem: each.problem ?? null, conflicts: null, settled: each.settled ?? null, settled_at: each.settled_at ?? null,
      seq: Infinity,
    }));
    return [...shown, ...own].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : b.seq - a.seq));
  }

  // A file that a person can read and another program too.
  async function exportQueue() {
    const by = await me();
    const [ops, pictures, tablet] = await Promise.all([all("ops"), all("pictures"), self.CrewDb.tablet()]);
    const theirs = (each) => each.by === by?.id && each.state !== "undone";
    const begun = await drafts();
    const found = {
      what: "Everything done on this tablet that is still kept on it, in the order it was done",
      exported_at: new Date().toISOString(), tablet, person: by && { name: by.name, email: by.email },
      operations: ops.filter(theirs).sort(bySeq).map((op) => ({
        said: Words.described(op.fields), state: op.settled ?? op.state, job: op.job, reference: op.reference,
        id: op.id, device_seq: op.seq, base_version: op.base_version, made_at: op.made_at,
        answered_at: op.answered_at ?? null, fields: op.fields, problem: op.problem ?? null, conflicts: op.conflicts ?? null,
      })),
      pictures: pictures.filter(theirs).map(({ name, show, state, settled, job, reference, made_at, size, upload }) => ({
        name, shows: show, state: settled ?? state, job, reference, made_at, bytes: size, photo: upload,
      })),
      begun: begun.map(({ job, reference, fields, at }) => ({ job, reference, fields, at })),
    };
    const day = found.exported_at.slice(0, 16).replace(/[T:]/g, "-");
    return new File([JSON.stringify(found, null, 2)], `kerbline-crew-${day}.json`, { type: "application/json" });
  }

  // What was answered or settled yesterday goes.
  async function tidy() {
    const old = Date.now() - DAY_MS;
    const [ops, pictures] = await Promise.all([all("ops"), all("pictures")]);
    const over = isOver(ops);
    const past = (each) => over(each) && Date.parse(each.answered_at ?? each.settled_at ?? each.made_at) < old;
    const changes = [
      ...ops.filter(past).map(({ id }) => ["ops", id]),
      ...pictures.filter(past).flatMap(({ id }) => [["pictures", id], ["bytes", id]]),
    ];
    if (changes.length) await write(...changes);
  }

  self.CrewOps = {
    act, undo, laid, made, settled, stumbled, resolve, again, drop, draft, saveDraft, drafts, queue, exportQueue, tidy, bySeq, PHOTOS_LIMIT,
  };
})(self);
