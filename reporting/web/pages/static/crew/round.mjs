import { make } from "./make.mjs";

export const title = "Crew";

export function render(root) {
  root.replaceChildren(make("h1", {}, "Crew"));
}
