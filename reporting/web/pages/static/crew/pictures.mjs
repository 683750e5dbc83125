// Photos of a job: those of its reports and updates as they are kept on this tablet, and the crew's
// own of before and after, which go after the status.

import { button, keyed, make } from "./make.mjs";

const SIZES = { stored: "It is being made ready", unreadable: "It could not be opened" };
const SENT = { waiting: "Waiting to be sent", refused: "Not taken: see the queue", conflict: "Needs you: see the queue", sent: "Sent", named: "Sent" };

// A strip of photos, each opening large. `photos` are [{id, state, review}].
export function strip(photos, label) {
  const list = make("ul", { class: "photos", "aria-label": label });
  for (const [i, photo] of photos.entries()) list.append(one(photo, `${label} ${i + 1} of ${photos.length}`));
  return photos.length ? list : null;
}

function one(photo, label) {
  const item = make("li", {});
  fill(item, photo, label);
  return item;
}

async function fill(item, photo, label) {
  if (SIZES[photo.state] || photo.review === "hidden") {
    item.replaceChildren(make("p", { class: "no-photo" }, photo.review === "hidden" ? "It is hidden" : SIZES[photo.state]));
    return;
  }
  const url = await Crew.photo(photo.id, "small");
  if (!url) {
    missing(item, photo, label);
    const over = Crew.watch((news) => {
      const isIt = news.kind === "photo" && news.id.startsWith(photo.id);
      if (isIt || !item.isConnected) over();
      if (isIt) fill(item, photo, label);
    });
    return;
  }
  item.replaceChildren(button(make("img", { src: url, alt: label }), () => enlarge(photo.id, label), "photo", { "aria-label": `${label}, show it large` }));
}

// With signal it is shown from the server meanwhile.
function missing(item, photo, label) {
  const words = () => item.replaceChildren(make("p", { class: "no-photo" }, "Not on this tablet yet"));
  if (!navigator.onLine) return words();
  const image = make("img", { src: `/v1/photos/${photo.id}/small`, alt: label });
  image.addEventListener("error", words);
  item.replaceChildren(button(image, () => enlarge(photo.id, label), "photo", { "aria-label": `${label}, show it large` }));
}

async function enlarge(id, label) {
  const kept = (await Crew.photo(id, "large")) ?? (await Crew.photo(id, "small"));
  const url = kept ?? `/v1/photos/${id}/large`;
  const box = make("dialog", { class: "large", "aria-label": label }, make("img", { src: url, alt: label }));
  const close = button("Close", () => box.close(), "", { autofocus: true });
  box.append(close);
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
}

// The crew's own, with the two ways to take one.
export function own(job) {
  const list = make("ul", { class: "photos own" });
  const told = make("p", { class: "told", role: "status" });
  const taker = (show, label) => {
    const input = make("input", { type: "file", accept: "image/*", capture: "environment", multiple: true, hidden: true, "aria-label": label, id: `take-${show}` });
    input.addEventListener("change", async () => {
      const files = [...input.files];
      input.value = "";
      told.textContent = "Making it ready …";
      try {
        for (const file of files) await Crew.addPicture(job.id, file, show);
        told.textContent = "It is kept, and goes when there is signal.";
      } catch (error) {
        told.textContent = { "storage-full": "There is no room left on this tablet.", "not-a-picture": "That is not a picture that can be opened." }[error.code] ?? "It could not be kept.";
      }
      await update();
    });
    return [button(label, () => input.click(), "plain camera"), input];
  };
  const element = make("section", { class: "job-part" }, make("h2", {}, "Your photos"),
    make("div", { class: "takers" }, ...taker("before", "Photo of before"), ...taker("after", "Photo of after")), told, list);

  async function update() {
    const pictures = (await Crew.picturesOf(job.id)).filter((each) => each.state !== "undone");
    keyed(list, pictures.map((each) => ({
      key: each.id, is: [each.state, each.show],
      draw: () => {
        const item = make("li", {});
        const label = each.show === "before" ? "Before" : "After";
        fill(item, { id: each.upload, state: "ready" }, `${label}, your photo`).then(() => item.append(make("p", { class: "photo-said" }, `${label} · ${SENT[each.state] ?? each.state}`)));
        return item;
      },
    })));
    list.hidden = !pictures.length;
  }
  return { element, update };
}
