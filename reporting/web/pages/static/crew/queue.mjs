// What was done here and what became of it: what needs somebody, what waits, what was sent today.

import { button, keyed, make } from "./make.mjs";
import { leaving } from "./leaving.mjs";

export const title = "Sent and unsent";

const STATES = {
  held: "Can still be undone", waiting: "Waiting for signal", sending: "On its way", applied: "Sent",
};
const SETTLED = {
  mine: "Settled: yours was sent again", theirs: "Settled: theirs was kept", again: "Sent again as new", dropped: "Dropped by you",
};

export async function render(root) {
  const head = make("h1", {}, title);
  const sections = make("div", { class: "queue-parts" });
  const told = make("p", { class: "queue-told", role: "status" });
  root.replaceChildren(head, told, sections, leaving());
  const asking = new Set(); // of what is to be dropped, once more
  let alive = true;
  let me = null;

  const say = (text) => (told.textContent = text);
  const redraw = () => update();

  async function update() {
    if (!alive) return;
    const [items, drafts, jobs, state] = await Promise.all([Crew.queue(), Crew.drafts(), Crew.jobs(), Crew.state()]);
    me = state.me;
    const left = new Set(jobs.filter((job) => job.left).map((job) => job.id));
    const needs = [...conflicts(items, left), ...items.filter((each) => each.state === "refused").map((each) => refused(each, left))];
    const waiting = items.filter((each) => ["held", "waiting", "sending"].includes(each.state)).reverse();
    const over = items.filter((each) => ["applied", "settled"].includes(each.state));
    draw("needs", "Needs you", needs, "Nothing needs you.");
    draw("begun", "Begun, not finished", drafts.map(begun));
    draw("waiting", "Waiting to be sent", waiting.map(wait), "Nothing waits. Everything that was done here has been sent.");
    draw("sent", "Sent since yesterday", over.map(sent), "Nothing yet.");
  }

  function draw(key, label, rows, none = null) {
    let section = sections.querySelector(`[data-part="${key}"]`);
    if (!section) {
      section = make("section", { dataset: { part: key }, "aria-labelledby": `queue-${key}` },
        make("h2", { id: `queue-${key}` }), make("p", { class: "none" }), make("ul", { class: "cards" }));
      sections.append(section);
    }
    const [heading, empty, list] = section.children;
    heading.textContent = rows.length ? `${label} (${rows.length})` : label;
    empty.textContent = none ?? "";
    empty.hidden = rows.length > 0 || !none;
    list.hidden = !rows.length;
    section.hidden = !rows.length && !none;
    keyed(list, rows);
  }

  // --- What needs somebody ---------------------------------------------------------------------

  // A card for each job: what was done to it last is what is asked about.
  function conflicts(items, left) {
    const byJob = new Map();
    for (const each of items.filter((item) => item.state === "conflict")) {
      byJob.set(each.job, [each, ...(byJob.get(each.job) ?? [])]);
    }
    return [...byJob.values()].map((group) => clash(group, left.has(group[0].job)));
  }

  function clash(group, hasLeft) {
    const fields = new Map();
    for (const op of group) for (const each of op.conflicts ?? []) fields.set(each.field, { ...each, at_mine: op.at });
    const [{ id, job, reference }] = group;
    const name = reference ?? "A job";
    const line = ({ field, yours, theirs, by, at, at_mine }) => make("div", { class: "clash" },
      make("h4", {}, Crew.words.FIELDS[field] ?? field),
      make("dl", {},
        make("div", { class: "mine" }, make("dt", {}, `You, ${moment(at_mine)}`), make("dd", {}, Crew.words.value(field, yours, me))),
        make("div", { class: "theirs" }, make("dt", {}, `${by ?? "Somebody else"}, ${moment(at)}`), make("dd", {}, Crew.words.value(field, theirs, me)))));
    return {
      key: `clash ${job}`, is: [group.map((op) => [op.id, op.conflicts]), hasLeft],
      draw: () => make("li", { class: "card needs" },
        make("h3", {}, make("a", { href: `#/job/${job}` }, name), ": somebody else changed it too"),
        ...gone(hasLeft),
        ...[...fields.values()].map(line),
        make("p", { class: "hint" }, `What you did: ${group.map((op) => op.what).join(", then ")}. Whatever else was in it is sent either way.`),
        make("p", { class: "acts" },
          button("Use mine", () => resolve(id, "mine", name), "", { "aria-label": `Use mine for ${name}` }),
          button("Keep theirs", () => resolve(id, "theirs", name), "plain", { "aria-label": `Keep theirs for ${name}` }))),
    };
  }

  async function resolve(id, which, name) {
    await Crew.resolve(id, which);
    say(which === "mine" ? `${name}: yours is sent.` : `${name}: theirs is kept.`);
    await update();
    head.tabIndex = -1;
    head.focus();
  }

  function refused(each, left) {
    const { id, job, reference, what, problem, at } = each;
    const name = reference ?? "A job";
    const isAsking = asking.has(id);
    const sentences = [problem?.detail ?? problem?.title ?? "The server did not take it.", ...(problem?.errors ?? []).map((error) => error.detail)];
    return {
      key: `refused ${id}`, is: [problem, isAsking, left.has(job)],
      draw: () => make("li", { class: "card needs" },
        make("h3", {}, make("a", { href: `#/job/${job}` }, name), ": not taken"),
        make("p", { class: "what" }, what), make("p", { class: "hint" }, `Done ${moment(at)}`),
        ...gone(left.has(job)),
        ...sentences.filter(Boolean).map((text) => make("p", { class: "why" }, text)),
        make("p", { class: "acts" }, ...(isAsking ? sure(each) : [
          button("Try again as new", () => again(each), "", { "aria-label": `Try again as new: ${name}, ${what}` }),
          each.kind === "operation" && button("Copy the words", () => copy(each), "plain", { "aria-label": `Copy the words: ${name}, ${what}` }),
          button("Drop it …", () => { asking.add(id); update(); }, "plain", { "aria-label": `Drop it: ${name}, ${what}` }),
        ].filter(Boolean)))),
    };
  }

  const gone = (hasLeft) => (hasLeft ? [make("p", { class: "hint" }, "The job has left your team.")] : []);

  const sure = (each) => [
    make("span", { class: "sure" }, "Drop it for good?"),
    button("Yes, drop it", async () => {
      asking.delete(each.id);
      say((await Crew.drop(each.id)) ? "Dropped. It stands in the file that you can save until tomorrow." : "It is being sent already.");
      update();
    }, "danger"),
    button("No, keep it", () => { asking.delete(each.id); update(); }, "plain"),
  ];

  async function again({ id }) {
    await Crew.again(id);
    say("It will be sent again.");
    update();
  }

  async function copy({ reference, what, at }) {
    try {
      await navigator.clipboard.writeText(`${reference ?? ""} ${what} (${moment(at)})`.trim());
      say("Copied.");
    } catch {
      say("This browser does not let us copy. Mark the words and copy them by hand.");
    }
  }

  // --- What waits and what is over ---------------------------------------------------------------

  function begun({ id, job, reference, fields, at }) {
    const words = Object.values(fields).filter((value) => typeof value === "string" && value).join(" · ");
    return {
      key: id, is: [fields],
      draw: () => make("li", { class: "row" }, make("p", { class: "what" }, `${reference ?? "A job"}: ${words || "something was begun"}`),
        make("p", { class: "hint" }, `Typed ${moment(at)}`), make("p", { class: "acts" },
          make("a", { class: "button plain", href: `#/job/${job}`, "aria-label": `Go on with ${reference ?? "it"}` }, "Go on"),
          button("Discard", async () => { await Crew.saveDraft(job, null); redraw(); }, "plain", { "aria-label": `Discard what was typed on ${reference ?? "it"}` }))),
    };
  }

  function wait(each) {
    const { id, reference, what, state, at, kind } = each;
    const isAsking = asking.has(id);
    const share = kind === "picture" ? Math.round(Crew.progress(id) * 20) / 20 : 0;
    const acts = isAsking ? sure(each) : [
      state === "held" && button("Undo", async () => { say((await Crew.undo(id)) ? "Undone." : "It is being sent already."); redraw(); }, "plain", { "aria-label": `Undo ${what}, ${reference ?? ""}` }),
      kind === "picture" && state === "waiting" && button("Drop it …", () => { asking.add(id); update(); }, "plain", { "aria-label": `Drop ${what}, ${reference ?? ""}` }),
    ].filter(Boolean);
    return {
      key: id, is: [state, isAsking, share],
      draw: () => make("li", { class: "row" },
        make("p", { class: "what" }, `${reference ?? "A job"}: ${what}`),
        make("p", { class: "hint" }, `${STATES[state]} · done ${moment(at)}`),
        share > 0 && make("progress", { max: 1, value: share, "aria-label": "How much of the photo has been sent" }),
        acts.length > 0 && make("p", { class: "acts" }, ...acts)),
    };
  }

  const sent = ({ id, reference, what, state, settled, answered_at, settled_at, at }) => ({
    key: id, is: [state, settled],
    draw: () => make("li", { class: "row" },
      make("p", { class: "what" }, `${reference ?? "A job"}: ${what}`),
      make("p", { class: "hint" }, state === "applied" ? `Sent ${moment(answered_at ?? at)} · done ${moment(at)}` : `${SETTLED[settled] ?? "Settled"} ${moment(settled_at ?? at)}`)),
  });

  await update();
  return { update, leave: () => { alive = false; } };
}

// Today by the clock, else with its day.
function moment(at) {
  const then = new Date(at);
  const today = then.toDateString() === new Date().toDateString();
  return today ? `at ${Crew.words.time(at)}` : `on ${Crew.words.day(at)} at ${Crew.words.time(at)}`;
}
