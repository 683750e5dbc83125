// The photo step: from the camera or the gallery, up to three, each seen, and each taken back.

import * as keeping from "./keeping.mjs";
import { make, say } from "./words.mjs";

const MOST = 3;
const step = document.getElementById("step-photo");
const list = document.getElementById("previews");
const told = document.getElementById("photo-told");
const onward = document.getElementById("photo-next");
const plain = document.getElementById("photo"); // what a form without an outbox sends
let shown = []; // {id, url, name, position?, progress, file?}
let changed = () => {};

export const photos = () => shown;
export const firstPosition = () => shown.find((photo) => photo.position)?.position ?? null;

export function start(onChange) {
  changed = onChange;
  for (const [button, input] of [["take", "camera"], ["choose", "gallery"]]) {
    const files = document.getElementById(input);
    document.getElementById(button).addEventListener("click", () => files.click());
    files.addEventListener("change", async () => {
      const chosen = [...files.files];
      files.value = "";
      await add(chosen);
    });
  }
}

export function put(found) {
  shown = found;
  draw();
}

async function add(files) {
  const room = MOST - shown.length;
  let problem = files.length > room ? say("photoMost") : "";
  tell(say("photoBusy"));
  for (const file of files.slice(0, room)) {
    try {
      shown.push(await taken(file));
    } catch (error) {
      problem = error.detail ?? say("photoUnread");
    }
    draw();
  }
  tell(problem || say("photoAdded"));
  changed();
}

async function taken(file) {
  if (keeping.keeps()) return keeping.photos.add(file);
  const { facts } = await import("./photos.mjs");
  const found = facts(new Uint8Array(await file.arrayBuffer()));
  return { id: crypto.randomUUID(), url: URL.createObjectURL(file), name: file.name, file, ...found };
}

async function remove(photo) {
  const index = shown.indexOf(photo);
  shown.splice(index, 1);
  if (keeping.keeps()) await keeping.photos.remove(photo.id);
  draw();
  const undo = make("button", { type: "button", class: "link" }, say("undo"));
  undo.addEventListener("click", async () => {
    if (shown.length === MOST) return;
    if (keeping.keeps()) await keeping.photos.restore(photo.id);
    shown.splice(index, 0, photo);
    draw();
    tell("");
    changed();
    list.children[shown.indexOf(photo)].querySelector("button").focus();
  });
  tell(say("photoGone"), undo);
  undo.focus();
  changed();
}

function tell(...what) {
  told.replaceChildren(...what);
}

function draw() {
  list.replaceChildren(...shown.map((photo, index) => {
    const n = index + 1;
    const cross = document.querySelector("#icon-cross svg").cloneNode(true);
    const button = make("button", { type: "button", "aria-label": say("remove", { n }) }, cross);
    button.addEventListener("click", () => remove(photo));
    const picture = make("img", { src: photo.url, alt: say("photo", { n }) });
    // Most browsers cannot show an iPhone's HEIC; the server can.
    picture.addEventListener("error", () => picture.replaceWith(make("span", { class: "no-preview" }, say("photo", { n }))));
    return make("li", {}, picture, button);
  }));
  step.classList.toggle("has-photos", shown.length > 0);
  document.getElementById("takers").hidden = shown.length >= MOST;
  onward.classList.toggle("plain", !shown.length);
  onward.textContent = shown.length ? onward.dataset.with : onward.dataset.without;
  if (!keeping.keeps()) {
    const files = new DataTransfer();
    for (const photo of shown) if (photo.file) files.items.add(photo.file);
    plain.files = files.files;
  }
}
