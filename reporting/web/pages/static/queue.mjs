// The reports of this device: what waits, what is on its way, what has been sent, what was not taken.

const SENT_SHOWN = 3;
const OLD_DAYS = 7;
const DAY_MS = 24 * 3600 * 1000;

export function show(section, words) {
  if (!section) return;
  section.className = "queue";
  section.setAttribute("aria-labelledby", "queue-title");
  const title = make("h2", words.title);
  title.id = "queue-title";
  const list = make("ul");
  const told = make("p");
  told.setAttribute("role", "status");
  section.replaceChildren(title, list, told);

  let drawing = Promise.resolve();
  const draw = () => (drawing = drawing.then(again));

  async function again() {
    const found = await Outbox.items();
    const sent = found.filter((each) => each.state === "sent").slice(0, SENT_SHOWN);
    const shown = found.filter((each) => each.state !== "sent" || sent.includes(each));
    const known = new Map([...list.children].map((each) => [each.dataset.id, each]));
    // Only what has changed is drawn anew: a button keeps its focus, and little is read out.
    const rows = shown.map((each) => {
      const is = JSON.stringify([each.state, each.answer, each.problem]);
      const row = known.get(each.id);
      if (row?.dataset.is !== is) return drawn(each, is);
      const progress = row.querySelector("progress");
      if (progress) progress.value = each.progress;
      return row;
    });
    if (rows.length !== known.size || rows.some((row, i) => row !== list.children[i])) list.replaceChildren(...rows);
    section.hidden = !rows.length && !told.childNodes.length;
  }

  function drawn(each, is) {
    const row = make("li");
    row.className = each.state;
    Object.assign(row.dataset, { id: each.id, is });
    const at = new Date(each.made_at);
    const { reference } = each.answer ?? {};
    row.append(make("p", words[each.state], "state"), make("p", each.summary || words.report));
    if (each.state === "sent") { // all is well: a line will do
      row.append(make("p", reference ? fill(words.reference, { reference }) : "", "hint"), acts(each, reference));
      return row;
    }
    row.append(make("p", fill(words.written, { date: date(at), time: time(at) }), "hint"));
    const days = Math.floor((Date.now() - at) / DAY_MS);
    if (each.state === "waiting" && days >= OLD_DAYS) row.append(make("p", fill(words.days, { days }), "hint old"));
    if (["waiting", "sending"].includes(each.state)) row.append(bar(each));
    if (each.problem) row.append(...wrong(each.problem));
    row.append(acts(each));
    return row;
  }

  function bar(each) {
    const progress = make("progress");
    progress.max = 1;
    progress.value = each.progress;
    progress.setAttribute("aria-label", words.along);
    return progress;
  }

  function wrong(problem) {
    const details = problem.errors?.map((error) => error.detail) ?? [];
    return [problem.detail || problem.title, ...details].filter(Boolean).map((text) => make("p", text));
  }

  function acts(each, reference) {
    const row = make("p", "", "acts");
    const add = (label, act, plain) => {
      const button = make("button", label, plain ? "plain" : "");
      button.type = "button";
      button.addEventListener("click", act);
      row.append(button);
    };
    if (each.state === "sent" && reference) {
      const link = make("a", words.follow);
      link.href = `/r/${reference}`;
      row.append(link);
    }
    if (each.state === "waiting") add(words.sendNow, () => Outbox.flush());
    if (each.state === "refused" || each.problem?.code === "confirm-by-email") add(words.change, () => change(each.id));
    if (each.state === "sending") return row;
    const kept = ["sent", "confirm"].includes(each.state);
    add(kept ? words.remove : words.discard, () => away(each.id), true);
    return row;
  }

  // The page shows the draft that it finds when it opens.
  async function change(id) {
    await Outbox.reopen(id);
    location.assign("/");
  }

  async function away(id) {
    await Outbox.discard(id);
    const undo = make("button", words.undo, "plain");
    undo.type = "button";
    undo.addEventListener("click", async () => {
      told.replaceChildren();
      await Outbox.restore(id);
      title.tabIndex = -1;
      title.focus();
    });
    told.replaceChildren(words.gone, " ", undo);
    section.hidden = false;
    undo.focus(); // the button that was pressed has gone
  }

  Outbox.on(draw);
  draw();
}

function make(tag, text = "", kind = "") {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const two = (number) => String(number).padStart(2, "0");
// In figures: browsers do not know the months of every language we speak.
const date = (at) => `${two(at.getDate())}/${two(at.getMonth() + 1)}/${at.getFullYear()}`;
const time = (at) => `${two(at.getHours())}:${two(at.getMinutes())}`;
