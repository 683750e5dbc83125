// The worker that keeps this page, and the news that there is a newer one. The page of now stays as
// it is until all its tabs are closed, or somebody who is not in the middle of a job asks for it.

import { button, make } from "./make.mjs";

export function versions(mayOffer) {
  const root = make("div", { id: "newer", role: "status" });
  document.getElementById("notices").before(root);
  let waiting = null;
  let replacing = false;

  function offer() {
    if (!waiting || !mayOffer()) return root.replaceChildren();
    if (root.children.length) return;
    root.replaceChildren(make("div", { class: "note" },
      make("p", {}, "A new version is ready. It opens by itself once this page is closed everywhere."),
      button("Use it now", () => { replacing = true; waiting.postMessage("take over"); })));
  }

  async function register() {
    if (!("serviceWorker" in navigator)) return;
    if (document.readyState !== "complete") await new Promise((loaded) => addEventListener("load", loaded));
    navigator.serviceWorker.addEventListener("controllerchange", () => replacing && location.reload());
    const found = await navigator.serviceWorker.register("/crew/sw.js", { scope: "/crew", updateViaCache: "none" });
    const ready = (worker) => { if (navigator.serviceWorker.controller) { waiting = worker; offer(); } };
    const watch = (worker) => worker?.addEventListener("statechange", () => worker.state === "installed" && ready(worker));
    if (found.waiting) ready(found.waiting);
    watch(found.installing);
    found.addEventListener("updatefound", () => watch(found.installing));
  }

  addEventListener("hashchange", offer);
  register().catch(() => {}); // a browser that forbids it still works where there is signal
}
