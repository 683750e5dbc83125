// The report page with JavaScript: it looks for news, and shows what has changed without being asked.

document.documentElement.classList.add("is-scripted");

const EVERY_MS = 4000;
const page = location.pathname;
const reference = page.slice(page.lastIndexOf("/") + 1);
const timeline = document.getElementById("timeline");
let tag = "";

async function look() {
  if (document.visibilityState !== "visible") return;
  try {
    const answer = await fetch(`/v1/reports/${reference}`, { headers: { "If-None-Match": tag }, cache: "no-store" });
    if (answer.status !== 200) return;
    const found = await answer.json();
    if (found.updated_at !== timeline.dataset.updated) await show();
    tag = answer.headers.get("ETag");
  } catch {
    // No signal: the next look will tell.
  }
}

// The page itself knows what its reader may see, so the news is taken from there.
async function show() {
  const answer = await fetch(page, { cache: "no-store" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ["status", "timeline"]) {
    const news = fresh.getElementById(id);
    document.getElementById(id).replaceChildren(...news.childNodes);
  }
  timeline.dataset.updated = fresh.getElementById("timeline").dataset.updated;
  document.title = fresh.title;
}

look();
setInterval(look, EVERY_MS);
document.addEventListener("visibilitychange", look);
