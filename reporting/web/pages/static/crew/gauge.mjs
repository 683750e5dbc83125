// How much of the time has gone, as a bar beside the words that say it.

import { make } from "./make.mjs";

export function gauge(share) {
  const filled = make("span", {});
  filled.style.width = `${Math.round(share * 100)}%`; // by script: the page's policy takes no style attributes
  return make("span", { class: "bar", "aria-hidden": "true" }, filled);
}
