// What was done here and what became of it: what needs somebody, what waits, what was sent today.

import { make } from "./make.mjs";

export const title = "Sent and unsent";

export function render(root) {
  async function update() {
    const rows = (await Crew.queue()).map((each) => make("li", {}, `${each.reference}: ${each.what}: ${each.state}`));
    root.replaceChildren(make("h1", {}, "Sent and unsent"), make("ul", {}, ...rows));
  }
  update();
  return { update };
}
