// The day's round: suggested by the server, put in another order by hand, kept for places without
// signal.

import { button, keyed, make } from "./make.mjs";
import * as place from "./place.mjs";
import * as say from "./say.mjs";

export const title = "Round";

const PATIENCE_MS = 60_000; // the order of sixty stops takes some seconds to find
const WHY = {
  "not-here": "no job of this team", done: "done", "not-now": "it waits, or was passed on", later: "planned for another day",
  "no-place": "its place is only in words", "too-many": "less urgent than those a round holds", "no-time": "the day is full",
};
const SPEED_M_MIN = 500; // of a straight line, where we only move stops about

export async function render(root) {
  const [names, { me }] = await Promise.all([say.categories(), Crew.state()]);
  if (!me?.teams.length) {
    root.replaceChildren(make("h1", {}, "Round"), make("p", {}, "A round is made for a team, and you are in none."));
    return null;
  }
  let team = me.teams[0].slug;
  let round = null;
  let jobs = new Map();
  let start = await place.last();
  let pointing = null;
  const told = make("p", { class: "list-told", role: "status" });
  const age = make("p", { class: "list-age" });
  const teams = make("div", { class: "choices", role: "group", "aria-label": "Which team" });
  const from = make("p", { class: "from" });
  const stops = make("ol", { class: "stops" });
  const left = make("div", {});
  const frame = make("div", { class: "map-side is-pointing", hidden: true });
  const ask = button("Suggest a round", suggest, "start");
  root.replaceChildren(make("div", { class: "list-head" }, make("h1", {}, "Round"), age), teams, from,
    make("div", { class: "taps" }, button("Start from where I am", locate, "plain"), button("Start from a place on the map", point, "plain"), ask),
    told, frame, stops, left);

  const key = () => `round ${team}`;

  async function call(method, path, body) {
    const answer = await fetch(path, {
      method, headers: body ? { "Content-Type": "application/json" } : {}, body: body && JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE_MS),
    }).catch(() => null);
    if (!answer) return { lost: true };
    const json = await answer.json().catch(() => ({}));
    return { ok: answer.ok, status: answer.status, json };
  }

  async function locate() {
    told.textContent = "Looking for where you are …";
    try {
      start = await place.fix();
      told.textContent = "";
    } catch (error) {
      told.textContent = error.message;
    }
    await update();
  }

  async function point() {
    if (pointing) return;
    frame.hidden = false;
    told.textContent = "Tap the place on the map where the round starts.";
    try {
      const { draw } = await import("./map.mjs");
      const placed = [...jobs.values()].filter((job) => job.location);
      pointing = await draw(frame, { jobs: placed, here: start, pointed: (at) => { start = at; stopPointing("The round starts there."); } });
      pointing.show(placed, start);
    } catch {
      stopPointing("This browser draws no maps. Start from where you are.");
    }
  }

  function stopPointing(words) {
    pointing?.remove();
    pointing = null;
    frame.hidden = true;
    frame.replaceChildren();
    told.textContent = words;
    update();
  }

  async function suggest() {
    if (!start) await locate();
    if (!start) return;
    told.textContent = "Looking for a good order …";
    ask.disabled = true;
    const answer = await call("POST", "/v1/rounds", { team, start: { lat: start.lat, lng: start.lng } });
    ask.disabled = false;
    if (answer.ok) {
      await keep(answer.json, { isSaved: false });
      if (!answer.json.stops.length) {
        told.textContent = "No job fits into a round from there today.";
        return;
      }
      told.textContent = "This is a suggestion. Move stops as you like, then it is your round.";
      await save();
    } else {
      told.textContent = answer.lost ? "No signal: the round that is kept here is shown." : answer.json.detail ?? "No round could be made.";
    }
  }

  async function keep(found, more = {}) {
    round = { ...found, id: key(), at: new Date().toISOString(), isSaved: true, ...more };
    await CrewDb.write(["kept", round]);
    await update();
  }

  async function save() {
    const { at } = round;
    const answer = await call("PUT", `/v1/rounds/${encodeURIComponent(team)}`, {
      stops: round.stops.map(({ jobs: ids }) => ({ jobs: ids })), start: { lat: round.start.lat, lng: round.start.lng },
    });
    if (round.at !== at) return; // moved again since
    if (answer.ok) {
      await keep(answer.json.stops ? { ...answer.json, left_out: answer.json.left_out?.length ? answer.json.left_out : round.left_out } : round);
      told.textContent = "Saved for the team.";
    } else told.textContent = answer.lost ? "Kept on this tablet; it is saved for the team when you move a stop with signal." : answer.json.detail ?? "It could not be saved.";
  }

  async function move(index, by) {
    const order = [...round.stops];
    const [moved] = order.splice(index, 1);
    order.splice(index + by, 0, moved);
    await keep({ ...round, stops: guessed(order, round) }, { isSaved: false });
    (stops.children[index + by]?.querySelector(by < 0 ? ".up:not(:disabled)" : ".down:not(:disabled)") ?? stops.children[index + by]?.querySelector("button"))?.focus();
    await save();
  }

  async function choose(slug) {
    team = slug;
    round = (await CrewDb.get("kept", key())) ?? null;
    await update();
    if (round && !round.isSaved) return;
    const answer = await call("GET", `/v1/rounds/${encodeURIComponent(team)}`);
    if (answer.ok && answer.json.stops) await keep(answer.json);
  }

  async function update() {
    jobs = new Map((await Crew.jobs()).map((job) => [job.id, job]));
    keyed(teams, me.teams.length < 2 ? [] : me.teams.map(({ slug, name }) => ({
      key: slug, is: [slug === team, name], draw: () => button(name, () => choose(slug), "choice", { "aria-pressed": String(slug === team) }),
    })));
    from.textContent = start ? `It starts ${start.at ? `where you were ${Crew.words.ago(start.at)}` : "at the place you tapped"}.` : "Say first where the round starts.";
    const open = (stop) => stop.jobs.some((id) => jobs.has(id) && say.isOpen(jobs.get(id)));
    const shown = round?.stops ?? [];
    age.textContent = round ? `${shown.length} stops, ${(round.length_m / 1609.344).toFixed(1)} miles · made ${Crew.words.ago(round.at)}${round.isSaved ? "" : " · not saved yet"}` : "";
    keyed(stops, shown.map((stop, i) => row(stop, i, shown.length, open(stop))));
    if (!round) stops.replaceChildren(make("li", { class: "nothing" }, "There is no round for today yet."));
    const out = (round?.left_out ?? []).filter(({ job, why }) => jobs.has(job) && why !== "done");
    left.replaceChildren(...(out.length ? [make("h2", {}, "Left out"), make("ul", { class: "left-out" }, ...out.map(({ job, why }) => make("li", {}, linkTo(jobs.get(job)), make("span", {}, WHY[why] ?? why))))] : []));
  }

  const linkTo = (job) => make("a", { class: "button plain", href: `#/job/${job.id}` }, `${say.category(names, job.category)}, ${job.reference}`);

  function row(stop, i, number, isOpen) {
    const its = stop.jobs.map((id) => jobs.get(id)).filter(Boolean);
    const time = stop.arrive_at ? `About ${Crew.words.time(stop.arrive_at)}` : "";
    const first = its[0];
    const label = first?.reference ?? `stop ${i + 1}`;
    return {
      key: stop.jobs[0], is: [i, number, time, stop.late, isOpen, its.map((job) => [job.id, job.status])],
      draw: () => make("li", { class: `stop-row${stop.late ? " late" : ""}${isOpen ? "" : " over"}` },
        make("div", { class: "stop-what" },
          make("p", {}, make("b", { class: "turn" }, make("span", { class: "unseen" }, "Stop "), String(i + 1)), make("b", {}, time),
            first && make("span", {}, say.where(first)), stop.late && make("span", { class: "tag p1" }, "Late"), !isOpen && make("span", { class: "tag good" }, "Done")),
          make("div", { class: "stop-jobs" }, ...(its.length ? its.map(linkTo) : ["No longer on this tablet"]))),
        make("div", { class: "moves" },
          button("Up", () => move(i, -1), "plain up", { disabled: i === 0, "aria-label": `Up: ${label}` }),
          button("Down", () => move(i, 1), "plain down", { disabled: i === number - 1, "aria-label": `Down: ${label}` }))),
    };
  }

  await update();
  choose(team);
  return { update, leave() { pointing?.remove(); } };
}

// When they are reached in an order that was put together here: by straight lines, until the server
// has said.
function guessed(stops, round) {
  const first = round.stops.map((stop) => Date.parse(stop.arrive_at)).filter(Boolean);
  let at = first.length ? Math.min(...first) : Date.now();
  return stops.map((stop, i) => {
    if (i) at += (15 + (place.distance(stops[i - 1].location, stop.location) ?? 0) / SPEED_M_MIN) * 60_000;
    return { ...stop, arrive_at: new Date(at).toISOString(), late: at > Date.parse(stop.due_at) };
  });
}
