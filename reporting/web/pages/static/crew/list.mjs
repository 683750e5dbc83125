// The day's list, by due time or by what is near, and the map in step with it.

import * as area from "./area.mjs";
import { gauge } from "./gauge.mjs";
import { button, keyed, make } from "./make.mjs";
import * as place from "./place.mjs";
import * as say from "./say.mjs";

export const title = "Jobs";

const FILTERS = [["team", "My teams"], ["all", "All"], ["mine", "Mine"]];
const ORDERS = [["due", "Due first"], ["near", "Near me"], ["round", "Round"]];
const STEP = 40; // rows that are drawn at once
const REFRESH_MS = 60_000;
// Kept while the page is open: coming back from a job finds the list as it was.
const chosen = { filter: "team", order: "due", selected: null, most: STEP, map: innerWidth >= 860 };

export async function render(root) {
  let here = await place.last();
  let drawnMap = null;
  let alive = true;
  const names = await say.categories();
  const age = make("p", { class: "list-age" });
  const told = make("p", { class: "list-told", role: "status" });
  const filters = make("div", { class: "choices", role: "group", "aria-label": "Which jobs" });
  const orders = make("div", { class: "choices", role: "group", "aria-label": "In which order" });
  const rows = make("ol", { class: "jobs" });
  const more = button("Show more", () => { chosen.most += STEP; update(); }, "plain more");
  const toggle = button("", () => { chosen.map = !chosen.map; return update(); }, "plain map-toggle");
  const frame = make("div", { class: "map-side" });
  root.replaceChildren(
    make("div", { class: "list-head" }, make("h1", {}, "Jobs"), age, toggle),
    make("div", { class: "list-tools" }, filters, orders), told,
    make("div", { class: "list-and-map" }, make("div", { class: "list-side" }, rows, more), frame),
  );

  async function near() {
    if (chosen.order === "near" && here) return;
    told.textContent = "Looking for where you are …";
    try {
      here = await place.fix();
      told.textContent = here.accuracy_m > 100 ? `Found you to within ${Math.round(here.accuracy_m)} m.` : "";
    } catch (error) {
      told.textContent = here ? `${error.message} The distances are from where you were ${Crew.words.ago(here.at)}.` : error.message;
    }
  }

  async function update() {
    if (!alive) return;
    const [all, state, rounds] = await Promise.all([Crew.jobs(), Crew.state(), savedRounds()]);
    if (!alive || !state.me) return;
    const { me } = state;
    const turns = new Map(rounds.flatMap((round) => round.stops).flatMap((stop, i) => stop.jobs.map((id) => [id, i])));
    if (chosen.order === "round" && !turns.size) chosen.order = "due";
    if (chosen.order === "near" && !here) chosen.order = "due";
    const shown = ordered(all.filter((job) => wanted(job, me)), turns, here);
    choices(filters, FILTERS, "filter", async () => {});
    choices(orders, ORDERS.filter(([code]) => code !== "round" || turns.size), "order", (code) => code === "near" && near());
    const late = shown.filter((job) => say.countdown(job).level === "late").length;
    age.textContent = [
      `${shown.length} ${shown.length === 1 ? "job" : "jobs"}`, late && `${late} late`,
      state.list_at && (state.online ? "" : `as the list was ${Crew.words.ago(state.list_at)}`),
    ].filter(Boolean).join(" · ");
    const some = shown.slice(0, chosen.most);
    keyed(rows, some.map((job, i) => row(job, i, me, turns)));
    mark();
    if (!some.length) rows.replaceChildren(make("li", { class: "nothing" }, all.length ? "No job of these. Choose others above." : state.list_at ? "Nothing is to be done." : "The list has not been read yet."));
    more.hidden = shown.length <= some.length;
    more.textContent = `Show ${Math.min(STEP, shown.length - some.length)} more of ${shown.length}`;
    toggle.textContent = chosen.map ? "Hide the map" : "Show the map";
    toggle.setAttribute("aria-expanded", String(chosen.map));
    frame.hidden = !chosen.map;
    root.classList.toggle("has-map", chosen.map);
    if (chosen.map) await drawMap(shown);
  }

  function choices(group, codes, name, also) {
    keyed(group, codes.map(([code, words]) => ({
      key: code, is: [chosen[name] === code, words],
      draw: () => button(words, async () => {
        await also(code);
        if (code !== "near" || here) chosen[name] = code;
        chosen.most = STEP;
        await update();
        group.querySelector(`[data-key="${code}"]`)?.focus();
      }, "choice", { "aria-pressed": String(chosen[name] === code) }),
    })));
  }

  function row(job, index, me, turns) {
    const time = say.countdown(job);
    const pending = say.unsent(job);
    const far = say.away(place.distance(here, job.location));
    const name = say.category(names, job.category);
    const turn = chosen.order === "round" && turns.has(job.id) ? turns.get(job.id) + 1 : null;
    const share = Math.round(time.share * 20) / 20;
    const facts = [job.reference, say.where(job), far].filter(Boolean).join(" · ");
    const marks = [say.onIt(job, me), job.report_count > 1 && `${job.report_count} reports`, job.reopened > 0 && "Reopened", job.left && "No longer yours"].filter(Boolean);
    return {
      key: job.id, is: [time.words, time.level, share, facts, marks, name, pending?.words, job.priority, turn, Boolean(job.location), chosen.map],
      draw: () => make("li", { class: `row ${time.level}` },
        make("a", { class: "row-link", href: `#/job/${job.id}`, onfocus: () => select(job.id, false) },
          make("span", { class: "row-name" }, turn && make("b", { class: "turn" }, make("span", { class: "unseen" }, "Stop "), String(turn)), make("span", {}, name),
            make("span", { class: `tag ${job.priority.toLowerCase()}` }, job.priority)),
          make("span", { class: "row-facts" }, facts),
          make("span", { class: "row-time" }, gauge(share), make("b", {}, time.words)),
          marks.length > 0 && make("span", { class: "row-marks" }, marks.join(" · ")),
          pending && make("span", { class: `row-pending ${pending.level}` }, pending.words)),
        chosen.map && job.location && button("Map", () => select(job.id, true), "plain row-map", { "aria-label": `Show ${job.reference} on the map`, "aria-pressed": "false" })),
    };
  }

  // The same job in the list and on the map.
  function select(id, byHand, fromMap = false) {
    if (chosen.selected === id && !byHand) return;
    chosen.selected = id;
    mark();
    const row = fromMap && [...rows.children].find((each) => each.dataset.key === id);
    if (row) {
      row.scrollIntoView({ block: "nearest" });
      row.querySelector("a").focus({ preventScroll: true });
    }
    drawnMap?.select(id, byHand && !fromMap);
  }

  // Apart from what is drawn for a row: what has focus keeps it.
  function mark() {
    for (const each of rows.children) {
      const is = each.dataset.key === chosen.selected;
      each.classList.toggle("is-chosen", is);
      each.querySelector(".row-map")?.setAttribute("aria-pressed", String(is));
    }
  }

  async function drawMap(shown) {
    const jobs = shown.filter((job) => job.location);
    try {
      if (!drawnMap) {
        const { draw } = await import("./map.mjs");
        if (!alive) return;
        drawnMap ??= await draw(frame, { jobs, here, name: (job) => say.category(names, job.category), chosen: (id) => picked(id) });
      }
      drawnMap.show(jobs, here);
      drawnMap.select(chosen.selected, false);
    } catch (error) {
      if (error.name !== "GPUInitializationError") console.warn(`The map cannot be drawn: ${error.message}`);
      drawnMap = { show() {}, select() {}, remove() {} };
      frame.replaceChildren(make("p", { class: "no-map" }, "This browser draws no maps. The list says the same."));
    }
  }

  async function picked(id) {
    const index = [...rows.children].findIndex((each) => each.dataset.key === id);
    if (index < 0) { chosen.most = Infinity; await update(); }
    select(id, true, true);
  }

  await update();
  area.refresh().then((came) => {
    if (!came || !alive || !drawnMap) return;
    drawnMap.remove();
    drawnMap = null;
    return update();
  });
  const timer = setInterval(update, REFRESH_MS); // minutes go by while it is looked at
  return { update, leave() { alive = false; clearInterval(timer); drawnMap?.remove(); root.classList.remove("has-map"); } };
}

function wanted(job, me) {
  const isOwnDoing = job.pending?.length > 0;
  if (!say.isOpen(job) && !isOwnDoing) return false;
  if (chosen.filter === "mine") return job.worker?.id === me.id || isOwnDoing;
  if (chosen.filter === "all" || !me.teams.length) return true;
  return isOwnDoing || me.teams.some((team) => team.slug === job.team.slug);
}

const byDue = (a, b) => {
  const [left, right] = [say.countdown(a).level === "still", say.countdown(b).level === "still"];
  if (say.isOpen(a) !== say.isOpen(b)) return say.isOpen(a) ? -1 : 1;
  if (left !== right) return left ? 1 : -1;
  return a.due_at < b.due_at ? -1 : a.due_at > b.due_at ? 1 : a.reference < b.reference ? -1 : 1;
};

function ordered(jobs, turns, here) {
  if (chosen.order === "near") {
    const far = (job) => place.distance(here, job.location) ?? Infinity;
    return jobs.sort((a, b) => far(a) - far(b));
  }
  if (chosen.order === "round") return jobs.sort((a, b) => (turns.get(a.id) ?? 1e6) - (turns.get(b.id) ?? 1e6) || byDue(a, b));
  return jobs.sort(byDue);
}

async function savedRounds() {
  const { me } = await Crew.state();
  const today = new Date().toDateString();
  const found = await Promise.all((me?.teams ?? []).map((team) => CrewDb.get("kept", `round ${team.slug}`)));
  return found.filter((round) => round && new Date(round.at).toDateString() === today);
}
