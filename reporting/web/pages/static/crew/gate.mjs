// Where nobody is signed in: the way in, and why there is nothing here.

import { make } from "./make.mjs";

export const title = "Sign in";

export function render(root) {
  async function update() {
    const { online, wiped } = await Crew.state();
    const said = [make("h1", {}, wiped ? "This tablet was signed out" : "Nobody is signed in")];
    if (wiped) {
      const lost = wiped.lost ? ` ${wiped.lost === 1 ? "1 change" : `${wiped.lost} changes`} that had not been sent went with it.` : "";
      said.push(make("div", { class: "note bad", role: "alert" },
        make("p", {}, `Your council ended this tablet’s session on ${Crew.words.day(wiped.at)} at ${Crew.words.time(wiped.at)}. The jobs and photos on it were removed.${lost}`),
        make("p", {}, "Ask your supervisor if you did not expect this.")));
    } else {
      said.push(make("p", { class: "lead" }, "Sign in once where there is signal. From then on your jobs are on this tablet, with signal or without."));
    }
    if (!online) said.push(make("p", { class: "note warn" }, "There is no signal just now, and signing in needs it."));
    said.push(make("p", {}, make("a", { class: "button", href: "/crew/sign-in" }, "Sign in")));
    const stamp = said.map((each) => each.outerHTML).join("");
    if (root.dataset.gate === stamp && root.children.length) return;
    root.dataset.gate = stamp;
    root.replaceChildren(...said);
  }
  update();
  return { update };
}
