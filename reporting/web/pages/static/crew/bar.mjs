// The bar that is always there: signal, what waits, what needs somebody, how old the list is.

import { button, keyed, make } from "./make.mjs";

const EVERY_MS = 20_000;

export function bar(root, count) {
  const said = make("p", { class: "sync-said", role: "status" });
  const press = button("Sync now", () => Crew.sync(), "sync-now");
  root.replaceChildren(said, press);

  let drawing = Promise.resolve();
  const draw = () => (drawing = drawing.then(again).catch((error) => console.error(error)));

  async function again() {
    const { online, busy, me, signed_in, waiting, needs, last_sync } = await Crew.state();
    const parts = [
      part("signal", online ? "on" : "off", make("span", {}, online ? "Online" : "No signal")),
      me && part("age", "", make("span", {}, last_sync ? `Synced ${Crew.words.ago(last_sync)}` : "Not synced yet")),
      me && waiting && part("waiting", "", make("a", { href: "#/queue" }, `${waiting} waiting`)),
      me && needs && part("needs", "", make("a", { href: "#/queue" }, needs === 1 ? "1 needs you" : `${needs} need you`)),
      me && !waiting && !needs && part("clear", "", make("span", {}, "All sent")),
      me && !signed_in && part("again", "", make("a", { href: "/crew/sign-in" }, "Sign in again")),
    ].filter(Boolean);
    keyed(said, parts.map((each) => ({ key: each.dataset.part, is: each.outerHTML, draw: () => each })));
    press.hidden = !me;
    press.textContent = busy ? "Syncing…" : "Sync now";
    root.classList.toggle("is-offline", !online);
    root.classList.toggle("is-needed", needs > 0);
    count.hidden = !(waiting + needs);
    count.textContent = waiting + needs;
  }

  const part = (name, kind, child) => make("span", { class: `part part-${name} ${kind}`, dataset: { part: name } }, child);

  Crew.watch(({ kind }) => { if (!["progress", "photo"].includes(kind)) draw(); });
  setInterval(draw, EVERY_MS);
  draw();
}
