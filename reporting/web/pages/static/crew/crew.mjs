// The crews' page: which view is shown, and what stands around it: signal and sending, undo, who is
// signed in, new versions.
//
// A view exports `title` and `render(root, params)`, which draws into `root` and may return
// {update(), leave()}: `update` is called when jobs, operations or pictures have changed, `leave`
// when another view takes its place.

import { bar } from "./bar.mjs";
import { notices } from "./notices.mjs";
import { toast } from "./toast.mjs";
import { versions } from "./versions.mjs";
import * as gate from "./gate.mjs";
import * as job from "./job.mjs";
import * as list from "./list.mjs";
import * as queue from "./queue.mjs";
import * as round from "./round.mjs";

const VIEWS = [
  [/^#\/job\/([\w-]+)$/, job, ["id"], "#/"],
  [/^#\/queue$/, queue, [], "#/queue"],
  [/^#\/round$/, round, [], "#/round"],
  [/^(?:#\/?)?$/, list, [], "#/"],
];
const root = document.getElementById("view");
const nav = document.getElementById("crew-nav");
let shown = null; // {view, where, handle}

function asked() {
  for (const [pattern, view, names, at] of VIEWS) {
    const match = pattern.exec(location.hash);
    if (match) return { view, at, params: Object.fromEntries(names.map((name, i) => [name, match[i + 1]])) };
  }
  return { view: list, at: "#/", params: {} };
}

let drawing = Promise.resolve();
const show = (moved = false) => (drawing = drawing.then(() => draw(moved)).catch((error) => console.error(error)));

async function draw(moved) {
  const { me } = await Crew.state();
  const wanted = asked();
  const view = me ? wanted.view : gate;
  const where = me ? location.hash : "gate";
  for (const link of nav.querySelectorAll("a")) {
    if (me && link.getAttribute("href") === wanted.at) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  nav.hidden = !me;
  if (shown && shown.view === view && shown.where === where) return shown.handle?.update?.();
  shown?.handle?.leave?.();
  root.replaceChildren();
  document.title = `${view.title ?? "Crew"} – Kerbline`;
  shown = { view, where, handle: null };
  shown.handle = (await view.render(root, wanted.params)) ?? null;
  if (moved) {
    scrollTo(0, 0);
    root.focus({ preventScroll: true });
  }
}

addEventListener("hashchange", () => show(true));
Crew.watch(({ kind }) => { if (!["progress", "sending", "photo"].includes(kind)) show(); });
bar(document.getElementById("syncbar"), document.getElementById("nav-count"));
toast(document.getElementById("toast"));
notices(document.getElementById("notices"));
versions(() => asked().view !== job);
show();
