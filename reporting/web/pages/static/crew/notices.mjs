// What a crew must know before anything else, above every view.

import { button, keyed, make } from "./make.mjs";

export function notices(root) {
  let full = false;
  let drawing = Promise.resolve();
  const draw = () => (drawing = drawing.then(again).catch((error) => console.error(error)));

  async function again() {
    const { me, signed_in, others, keeps, waiting, trouble } = await Crew.state();
    const rows = [];
    const say = (key, kind, ...children) => rows.push({
      key, is: [key, kind, ...children.map((each) => each.textContent ?? each)],
      draw: () => make("div", { class: `note ${kind}`, role: "status" }, ...children),
    });
    if (!keeps) say("forgetful", "bad", "This browser keeps nothing, as in a private window. Leave this page open until everything is sent.");
    if (full) {
      say("full", "bad", make("p", {}, "The storage of this tablet is full. What you do now may not be kept: sync, or free some space."),
        button("I have made room", () => { full = false; draw(); }));
    }
    if (trouble) say("trouble", "bad", `The server did not answer as it should: ${trouble.detail ?? trouble.title ?? trouble.code} What you do is kept here.`);
    if (me && !signed_in) {
      say("session", "warn", make("p", {}, waiting
        ? `You are signed out. ${waiting === 1 ? "1 change waits" : `${waiting} changes wait`} on this tablet until you sign in again.`
        : "You are signed out. The jobs stay on this tablet; sign in to sync."),
      make("a", { class: "button", href: "/crew/sign-in" }, "Sign in again"));
    }
    const names = Object.values(others).map(({ name, count }) => `${name} (${count === 1 ? "1 change" : `${count} changes`})`);
    if (me && names.length) say("others", "warn", `Unsent work of ${names.join(", ")} waits on this tablet. It is sent when they sign in here.`);
    keyed(root, rows);
  }

  Crew.watch(({ kind }) => {
    if (kind === "full") full = true;
    if (!["progress", "sending", "photo"].includes(kind)) draw();
  });
  addEventListener("unhandledrejection", (event) => { if (event.reason?.code === "storage-full") { full = true; draw(); } });
  draw();
}
