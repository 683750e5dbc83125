// On every page of a resident: the worker that keeps it for places without signal, and a bar that
// tells when there is none, when there is a newer version, and that it can be installed.

const words = JSON.parse(document.getElementById("app-words").textContent);
const bars = document.createElement("div");
bars.className = "bars";
bars.setAttribute("role", "status"); // there before its words are, so that they are read out
document.body.append(bars);

// One line for each matter; none to take it away.
function bar(matter, text, ...buttons) {
  document.getElementById(`bar-${matter}`)?.remove();
  if (!text) return;
  const line = document.createElement("p");
  line.id = `bar-${matter}`;
  line.append(text);
  for (const [label, act, plain] of buttons) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.classList.toggle("plain", Boolean(plain));
    button.addEventListener("click", act);
    line.append(button);
  }
  bars.append(line);
}

// --- Signal ------------------------------------------------------------------------------------

const signal = () => bar("offline", navigator.onLine ? "" : words.offline);
addEventListener("online", signal);
addEventListener("offline", signal);
signal();

// --- The worker and its versions -----------------------------------------------------------------

let replacing = false;

function offer(worker) {
  bar("newer", words.newer, [words.reload, () => {
    replacing = true;
    worker.postMessage("take over");
  }]);
}

async function register() {
  if (!("serviceWorker" in navigator)) return;
  // What it fetches for later must not stand in the way of what is being looked at.
  if (document.readyState !== "complete") await new Promise((loaded) => addEventListener("load", loaded));
  // Every page would load itself anew when another one asked for the new version; only that one does.
  navigator.serviceWorker.addEventListener("controllerchange", () => replacing && location.reload());
  const found = await navigator.serviceWorker.register("/sw.js", { updateViaCache: "none" });
  const watch = (worker) => worker?.addEventListener("statechange", () => {
    if (worker.state === "installed" && navigator.serviceWorker.controller) offer(worker);
  });
  if (found.waiting && navigator.serviceWorker.controller) offer(found.waiting);
  watch(found.installing);
  found.addEventListener("updatefound", () => watch(found.installing));
}

register().catch(() => {}); // a browser that forbids it still sends reports

// --- Installing ----------------------------------------------------------------------------------

const REFUSED = "kerbline-install-refused";
const refused = () => { try { return localStorage.getItem(REFUSED); } catch { return "yes"; } };

addEventListener("beforeinstallprompt", async (event) => {
  event.preventDefault();
  // Whoever has used it once may want to keep it.
  const used = (await Outbox.items()).some((each) => each.state === "sent");
  if (!used || refused()) return;
  const over = () => bar("install", "");
  bar("install", words.install,
    [words.doInstall, () => { over(); event.prompt(); }],
    [words.notNow, () => { over(); localStorage.setItem(REFUSED, "yes"); }, true]);
});

// --- Reports that wait ---------------------------------------------------------------------------

// Most who come have nothing there: the list is loaded when there is something to list.
const queue = document.getElementById("queue");
let isListed = false;
async function list() {
  if (isListed || !queue || !(await Outbox.items()).length) return;
  isListed = true;
  try {
    const { show } = await import("./queue.mjs");
    show(queue, words);
  } catch {
    isListed = false; // no signal, and the worker has not kept it yet: the next news asks again
  }
}
Outbox.on(list);
list();
Outbox.items().then(() => bar("forgetful", Outbox.keeps ? "" : words.forgetful));
