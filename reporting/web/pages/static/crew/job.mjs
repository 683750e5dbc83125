// One job: what was reported, what is known of the place, what is done about it.

import { actions, words } from "./act.mjs";
import { gauge } from "./gauge.mjs";
import { button, make } from "./make.mjs";
import { own, strip } from "./pictures.mjs";
import * as place from "./place.mjs";
import * as say from "./say.mjs";

export const title = "Job";

export async function render(root, { id }) {
  const [first, names, state, here] = await Promise.all([Crew.job(id), say.categories(), Crew.state(), place.last()]);
  if (!first) {
    root.replaceChildren(back(), make("h1", {}, "Not here"), make("p", {}, "This job is not on this tablet. It may have gone to another team."));
    return { update: async () => { if (await Crew.job(id)) location.reload(); } };
  }
  const { me } = state;
  document.title = `${first.reference} – Kerbline`;
  let job = first;
  const said = await words(first, (fields) => send(fields));
  const pictures = own(first);
  const parts = ["head", "acts", "stop", "place", "reports", "history"];
  const holes = Object.fromEntries(parts.map((name) => [name, make("div", { class: `hole-${name}` })]));
  const stamps = {};
  root.replaceChildren(back(), make("article", { class: "job" },
    make("div", { class: "job-main" }, holes.head, holes.acts, holes.stop, pictures.element, said.element),
    make("div", { class: "job-side" }, holes.place, holes.reports, holes.history)));

  async function send(fields, jobId = id) {
    const all = jobId === id ? { ...fields, ...(await said.take()) } : fields;
    if (!Object.keys(all).length) return;
    await Crew.act(jobId, all);
    if (jobId === id) await said.taken();
  }

  function put(name, stamp, draw) {
    const text = JSON.stringify(stamp);
    if (stamps[name] === text) return;
    stamps[name] = text;
    const hadFocus = holes[name].contains(document.activeElement);
    holes[name].replaceChildren(...[draw()].flat().filter(Boolean));
    if (hadFocus) (holes[name].querySelector("button, a, h1") ?? root).focus();
  }

  async function update() {
    const found = await Crew.job(id);
    if (!found) return;
    job = found;
    const time = say.countdown(job);
    put("head", [time, say.unsent(job), say.onIt(job, me), job.priority, job.category, job.status, job.reason, job.left, doneBy(job, me)], () => head(job, names, me, time));
    put("acts", [job.status, job.reason, job.worker], () => actions(job, me, send));
    put("place", [job.location, job.place, job.flags, job.ward], () => whereabouts(job, here));
    put("reports", [job.reports], () => reports(job, names));
    put("history", [job.updates], () => history(job));
    const others = place.atStop(job, await Crew.jobs()).filter(say.isOpen);
    put("stop", [others.map((each) => [each.id, each.version, each.status]), say.isOpen(job)], () => stop(job, others, names, send));
    await pictures.update();
  }

  await update();
  const timer = setInterval(update, 60_000);
  const screen = awake();
  return {
    update,
    leave() { clearInterval(timer); said.leave(); screen(); },
  };
}

const back = () => make("p", { class: "back" }, make("a", { class: "button plain", href: "#/" }, "← Jobs"));

// The screen stays on while a job is looked at, where browsers can do that.
function awake() {
  let lock = null;
  let over = false;
  const ask = async () => {
    if (over || document.visibilityState !== "visible") return;
    lock = await navigator.wakeLock?.request("screen").catch(() => null);
    if (over) lock?.release();
  };
  document.addEventListener("visibilitychange", ask);
  ask();
  return () => { over = true; document.removeEventListener("visibilitychange", ask); lock?.release(); };
}

// Who closed it, if it was not done here.
function doneBy(job, me) {
  if (say.isOpen(job) || job.pending?.some((op) => op.fields.status)) return null;
  const last = job.updates.findLast((each) => ["fixed", "closed"].includes(each.changes?.status));
  return last && last.by !== me.name ? { by: last.by, at: last.made_at, status: last.changes.status } : null;
}

function head(job, names, me, time) {
  const pending = say.unsent(job);
  const other = doneBy(job, me);
  const facts = [say.where(job), say.priority(job), say.onIt(job, me), job.reopened > 0 && `Reopened ${job.reopened === 1 ? "once" : `${job.reopened} times`}`].filter(Boolean);
  return [
    make("h1", { tabindex: "-1" }, `${say.category(names, job.category)} `, make("span", { class: "reference" }, job.reference)),
    make("p", { class: `job-time ${time.level}` }, make("b", {}, time.words), gauge(time.share),
      make("span", {}, `${Crew.words.STATUSES[job.status] ?? job.status}${say.isOpen(job) ? ` · due ${say.moment(job.due_at)}` : ""}`)),
    make("p", { class: "job-facts" }, facts.join(" · ")),
    pending && make("p", { class: `job-pending ${pending.level}` }, pending.level === "needs" ? make("a", { class: "button", href: "#/queue" }, pending.words) : pending.words),
    other && make("p", { class: "note good" }, `${other.by} ${other.status === "fixed" ? "has done this" : "has closed this"}, ${say.moment(other.at)}.`),
    job.left && make("p", { class: "note warn" }, "This job has gone to another team. It stays here until what you did has arrived."),
  ];
}

function whereabouts(job, here) {
  const facts = say.known(job);
  const sure = Math.max(0, ...job.reports.map((each) => each.location?.accuracy_m ?? 0));
  const inWords = [...new Set(job.reports.map((each) => each.place_text).filter(Boolean))];
  const row = (term, ...what) => [make("dt", {}, term), make("dd", {}, ...what)];
  const far = say.away(place.distance(here, job.location));
  return make("section", { class: "job-part" }, make("h2", {}, "Place"),
    make("dl", { class: "known" },
      ...row("Ward", [job.ward?.name, job.division?.name].filter(Boolean).join(", ") || "None"),
      ...inWords.flatMap((text) => row("In words", text)),
      ...(sure > 15 ? row("Sure to within", `${Math.round(sure)} m`) : []),
      ...(far ? row("From you", far) : []),
      ...(job.location ? row("Position", `${job.location.lat.toFixed(5)}, ${job.location.lng.toFixed(5)}`) : []),
      ...facts.flatMap((fact) => row("Known", fact))),
    job.location ? make("a", { class: "button plain", href: place.directions(job.location), target: "_blank", rel: "noreferrer" }, "Directions") : make("p", {}, "There is no position: ask who reported it, or look by the words above."));
}

function reports(job, names) {
  return make("section", { class: "job-part" }, make("h2", {}, job.reports.length === 1 ? "What was reported" : `What ${job.reports.length} people reported`),
    ...job.reports.map((report, i) => make("div", { class: "report-part" },
      job.reports.length > 1 && make("h3", {}, `Report ${i + 1}`),
      make("p", { class: "hint" }, [`${say.moment(report.observed_at ?? report.created_at)}`, report.by_phone && "by telephone", report.withdrawn_at && "taken back since", report.reference !== job.reference && report.reference].filter(Boolean).join(" · ")),
      report.description && make("blockquote", {}, report.description),
      make("dl", { class: "known" }, ...say.answers(names, report).flatMap(([question, answer]) => [make("dt", {}, question), make("dd", {}, answer)])),
      strip(report.photos, `Photo of report ${i + 1}`),
      !report.description && !report.photos.length && make("p", { class: "hint" }, "No words and no photo."))));
}

const KINDS = { reported: "Reported", attached: "One more report", reassigned: "Given to another team", noted: "Note", feedback: "Feedback of the reporter", withdrawn: "Taken back", changed: "Changed" };

// What a report said stands above; that it made the job is enough here.
const happened = (update) =>
  (update.kind === "reported" ? "" : say.changed(update).join(" · ")) || (update.note && update.kind === "changed" ? "Note" : KINDS[update.kind] ?? update.kind);

function history(job) {
  const entries = [...job.updates].reverse();
  return make("section", { class: "job-part" }, make("h2", {}, "What happened"),
    make("ol", { class: "timeline" }, ...entries.map((update) => make("li", { class: update.pending ? "is-pending" : null },
      make("p", { class: "happened" }, happened(update)),
      make("p", { class: "when" }, `${update.by}, ${say.moment(update.made_at)}${update.pending ? " – waiting to be sent" : ""}`),
      update.note && make("blockquote", {}, update.note),
      update.public_message && make("blockquote", {}, `To who reported it: ${update.public_message}`),
      strip(update.photos ?? [], `Photo of ${say.moment(update.made_at)}`)))));
}

// Several jobs at one place, done in one go.
function stop(job, others, names, send) {
  if (!others.length || !say.isOpen(job)) return null;
  const all = [job, ...others];
  const boxes = all.map((each) => {
    const box = make("input", { type: "checkbox", id: `stop-${each.id}`, value: each.id });
    box.checked = true;
    box.addEventListener("change", count);
    return box;
  });
  const go = button("", async () => { for (const box of boxes) if (box.checked) await send({ status: "fixed" }, box.value); }, "done");
  function count() {
    const number = boxes.filter((box) => box.checked).length;
    go.disabled = !number;
    go.textContent = `Done at this stop: ${number} ${number === 1 ? "job" : "jobs"}`;
  }
  count();
  return make("section", { class: "job-part stop" }, make("h2", {}, `${all.length} jobs at this stop`),
    make("ul", { class: "checks" }, ...all.map((each, i) => make("li", {}, boxes[i],
      make("label", { for: boxes[i].id }, `${say.category(names, each.category)}, ${each.reference}${each === job ? " (this one)" : ""}`),
      each !== job && make("a", { class: "button plain", href: `#/job/${each.id}`, "aria-label": `Open ${each.reference}` }, "Open")))), go);
}
