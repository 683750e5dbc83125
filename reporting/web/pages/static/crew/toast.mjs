// What was just done can be undone, as long as it is held back here.

import { button, make } from "./make.mjs";

export function toast(root) {
  let timer = 0;
  let drawing = Promise.resolve();
  const draw = () => (drawing = drawing.then(again).catch((error) => console.error(error)));

  async function again() {
    clearTimeout(timer);
    const held = (await Crew.queue()).filter((each) => each.state === "held");
    const [last] = held.sort((a, b) => b.seq - a.seq);
    if (root.dataset.key !== (last?.id ?? "")) show(last);
    if (last) timer = setTimeout(draw, last.hold_until - Date.now() + 20);
  }

  function show(op) {
    root.dataset.key = op?.id ?? "";
    if (!op) return root.replaceChildren();
    const seconds = (op.hold_until - Date.now()) / 1000;
    const left = make("progress", { max: seconds, value: seconds, "aria-hidden": "true" });
    const tick = () => {
      left.value = Math.max(0, (op.hold_until - Date.now()) / 1000);
      if (left.isConnected) setTimeout(tick, 250);
    };
    root.replaceChildren(make("div", { class: "toast-box" },
      make("p", {}, `${op.reference ? `${op.reference}: ` : ""}${op.what}`),
      button("Undo", () => undo(op), "undo"), left));
    tick();
  }

  async function undo(op) {
    const done = await Crew.undo(op.id);
    root.dataset.key = "";
    root.replaceChildren(make("p", { class: "toast-box" }, done ? "Undone." : "It has been sent already. Change the job instead."));
    clearTimeout(timer);
    timer = setTimeout(draw, 3000);
  }

  Crew.watch(({ kind }) => { if (["ops", "jobs", "me", "wiped", "forgotten"].includes(kind)) draw(); });
  draw();
}
