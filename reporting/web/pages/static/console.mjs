// The page of one photo: keys for its buttons, and drawing what is to be filled before others see
// it. Boxes are shares of the picture; the form sends them only if somebody touched them.

const SVG = "http://www.w3.org/2000/svg";
const STEP = 0.01; // of a side, for each press of a key
const SMALLEST = 0.01;
const NEW = 0.14;

const given = JSON.parse(document.getElementById("photo").textContent);
const { words } = given;
const byId = (id) => document.getElementById(id);
const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);

document.documentElement.classList.add("is-scripted");

// Room for the pictures before they are here, so that no button moves under the pointer.
byId("panes").style.setProperty("--ratio", given.width / given.height);

// --- Keys -----------------------------------------------------------------------------------------

const switchOfKeys = byId("keys");
switchOfKeys.checked = localStorage.getItem("console-keys") !== "off";
switchOfKeys.addEventListener("change", () => {
  localStorage.setItem("console-keys", switchOfKeys.checked ? "on" : "off");
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), select, textarea");
  if (!switchOfKeys.checked || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const wanted = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!wanted) return;
  event.preventDefault();
  wanted.click();
});

// One decision for one photo, however often the key is hit.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// --- Copies that are still being made ---------------------------------------------------------------

const large = byId("large");
if (large) {
  let tries = 0;
  large.addEventListener("error", () => {
    tries += 1;
    if (tries <= 20) setTimeout(() => (large.src = `${large.src.split("#")[0]}#${tries}`), 1500);
  });
}

// --- Boxes ----------------------------------------------------------------------------------------

const svg = byId("boxes");
if (svg) draw();

function draw() {
  const { width, height } = given;
  const before = given.regions.map((region) => ({ ...region }));
  const most = Number(byId("editor").dataset.most);
  const list = byId("list");
  const pad = byId("pad");
  const field = byId("regions");
  let boxes = before.map((region) => ({ ...region }));
  let chosen = null;
  let touched = false;

  const say = (sentence) => (byId("said").textContent = sentence);
  const at = (box) =>
    fill(words.at, {
      left: Math.round(box.x * 100),
      top: Math.round(box.y * 100),
      width: Math.round(box.width * 100),
      height: Math.round(box.height * 100),
    });
  const name = (box) =>
    fill(words.box, {
      n: boxes.indexOf(box) + 1,
      kind: words.kinds[box.kind].toLowerCase(),
      by: words.by[box.by],
    });

  // What is shown

  function element(tag, attributes, ...children) {
    const made = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function put(rect, box) {
    rect.setAttribute("x", box.x * width);
    rect.setAttribute("y", box.y * height);
    rect.setAttribute("width", box.width * width);
    rect.setAttribute("height", box.height * height);
  }

  const grip = element("rect", { class: "grip" });

  function placeGrip() {
    grip.toggleAttribute("hidden", chosen === null);
    if (chosen === null) return;
    const side = (22 * width) / (svg.clientWidth || width); // as large on every screen
    put(grip, {
      x: chosen.x + chosen.width - side / 2 / width,
      y: chosen.y + chosen.height - side / 2 / height,
      width: side / width,
      height: side / height,
    });
  }

  /** Everything anew: boxes came or went. */
  function show() {
    svg.replaceChildren(
      ...boxes.map((box) => {
        const rect = element("rect", { class: `box ${box.kind}`, tabindex: 0, role: "button" });
        put(rect, box);
        rect.setAttribute("aria-label", `${name(box)}. ${at(box)}`);
        rect.addEventListener("focus", () => choose(box));
        rect.addEventListener("keydown", (event) => onKey(event, box));
        return rect;
      }),
      grip,
    );
    list.replaceChildren(...boxes.map(row));
    choose(boxes.includes(chosen) ? chosen : null);
    preview();
  }

  function row(box) {
    const item = document.createElement("li");
    const pick = document.createElement("button");
    pick.type = "button";
    pick.className = "quiet pick";
    pick.textContent = name(box);
    pick.addEventListener("click", () => rectOf(box).focus());
    const kind = document.createElement("select");
    kind.setAttribute("aria-label", fill(words.kind, { n: boxes.indexOf(box) + 1 }));
    for (const [code, label] of Object.entries(words.kinds)) {
      kind.append(new Option(label, code, false, code === box.kind));
    }
    kind.addEventListener("change", () => {
      box.kind = kind.value;
      change(box);
      show();
      list.children[boxes.indexOf(box)].querySelector("select").focus();
    });
    const away = document.createElement("button");
    away.type = "button";
    away.className = "quiet";
    away.textContent = words.delete;
    away.setAttribute("aria-label", `${words.delete}: ${name(box)}`);
    away.addEventListener("click", () => remove(box));
    item.append(pick, kind, away);
    return item;
  }

  const rectOf = (box) => svg.children[boxes.indexOf(box)];

  function choose(box) {
    chosen = box;
    pad.hidden = box === null;
    boxes.forEach((each, index) => {
      svg.children[index].classList.toggle("chosen", each === box);
      list.children[index].classList.toggle("chosen", each === box);
    });
    placeGrip();
  }

  /** The right-hand picture: the copy that there is, or what it will be. */
  function preview() {
    const seen = byId("seen");
    const drawn = byId("preview");
    if (!touched && (large || given.hidden)) {
      drawn?.remove();
      seen.hidden = false;
      return;
    }
    const picture = byId("clear").cloneNode();
    picture.removeAttribute("id");
    picture.alt = words.preview;
    const made = document.createElement("div");
    made.id = "preview";
    made.className = "stage";
    made.append(
      picture,
      element(
        "svg",
        { class: "over", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none" },
        ...boxes.map((box) => {
          const rect = element("rect", { class: "filled", fill: mean(box) });
          put(rect, box);
          return rect;
        }),
      ),
    );
    if (drawn) drawn.replaceWith(made);
    else seen.after(made);
    seen.hidden = true;
  }

  const sample = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

  /** The colour a box is filled with: what is under it, on average. */
  function mean(box) {
    const [w, h] = [16, 16];
    const picture = byId("clear");
    const [pw, ph] = [picture.naturalWidth, picture.naturalHeight];
    if (!pw) return "#000";
    sample.drawImage(picture, box.x * pw, box.y * ph, box.width * pw, box.height * ph, 0, 0, w, h);
    const { data } = sample.getImageData(0, 0, w, h);
    const sum = [0, 0, 0];
    for (let i = 0; i < data.length; i += 4) for (const c of [0, 1, 2]) sum[c] += data[i + c];
    return `rgb(${sum.map((each) => Math.round(each / (w * h))).join(" ")})`;
  }

  // What changes

  function change(box) {
    touched = true;
    if (box) box.by = "staff";
    field.value = JSON.stringify(
      boxes.map((each) => ({
        kind: each.kind,
        x: each.x,
        y: each.y,
        width: each.width,
        height: each.height,
      })),
    );
    byId("reset").disabled = false;
  }

  const within = (value, low, high) => Math.min(Math.max(value, low), high);

  function move(box, dx, dy) {
    box.x = within(box.x + dx, 0, 1 - box.width);
    box.y = within(box.y + dy, 0, 1 - box.height);
    changed(box);
  }

  function resize(box, dx, dy) {
    box.width = within(box.width + dx, SMALLEST, 1 - box.x);
    box.height = within(box.height + dy, SMALLEST, 1 - box.y);
    changed(box);
  }

  /** The same boxes, one of them elsewhere: focus stays where it is. */
  function changed(box) {
    change(box);
    const rect = rectOf(box);
    put(rect, box);
    rect.setAttribute("aria-label", `${name(box)}. ${at(box)}`);
    list.children[boxes.indexOf(box)].querySelector(".pick").textContent = name(box);
    placeGrip();
    preview();
  }

  function add(box) {
    if (boxes.length >= most) return;
    boxes.push(box);
    change(box);
    show();
    rectOf(box).focus();
  }

  function remove(box) {
    const index = boxes.indexOf(box);
    boxes.splice(index, 1);
    change(null);
    show();
    say(fill(words.deleted, { left: boxes.length }));
    const next = boxes[Math.min(index, boxes.length - 1)];
    (next ? rectOf(next) : byId("add")).focus();
  }

  byId("add").addEventListener("click", () => {
    add({ kind: "face", x: 0.5 - NEW / 2, y: 0.5 - NEW / 2, width: NEW, height: NEW, by: "staff" });
    say(words.added);
  });

  byId("reset").addEventListener("click", () => {
    boxes = before.map((region) => ({ ...region }));
    touched = false;
    field.value = "";
    show();
    byId("add").focus();
    byId("reset").disabled = true;
    say(words.back);
  });

  // By keys, by buttons, by dragging

  const ARROWS = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };

  function onKey(event, box) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      remove(box);
      return;
    }
    const arrow = ARROWS[event.key];
    if (!arrow) return;
    event.preventDefault();
    const [dx, dy] = arrow.map((each) => each * STEP);
    (event.shiftKey ? resize : move)(box, dx, dy);
    say(at(box));
  }

  pad.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button || chosen === null) return;
    const [kind, act] = button.dataset.move ? ["move", move] : ["size", resize];
    const [dx, dy] = button.dataset[kind].split(" ").map((each) => Number(each) * STEP);
    act(chosen, dx, dy);
    say(at(chosen));
  });

  const place = (event) => {
    const frame = svg.getBoundingClientRect();
    return [
      within((event.clientX - frame.left) / frame.width, 0, 1),
      within((event.clientY - frame.top) / frame.height, 0, 1),
    ];
  };

  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const [x, y] = place(event);
    const index = [...svg.children].indexOf(event.target);
    const grips = event.target === grip;
    const hit = grips ? chosen : (boxes[index] ?? null);
    let last = [x, y];
    let drawn = null;
    event.preventDefault();
    if (hit && !grips) rectOf(hit).focus();
    svg.setPointerCapture(event.pointerId);

    const onMove = (moved) => {
      const [px, py] = place(moved);
      const [dx, dy] = [px - last[0], py - last[1]];
      last = [px, py];
      if (hit) {
        (grips ? resize : move)(hit, dx, dy);
        return;
      }
      const [w, h] = [Math.abs(px - x), Math.abs(py - y)];
      if (!drawn && (w < SMALLEST || h < SMALLEST)) return;
      if (!drawn) {
        drawn = { kind: "face", x, y, width: SMALLEST, height: SMALLEST, by: "staff" };
        if (boxes.length >= most) return;
        add(drawn);
        svg.setPointerCapture(event.pointerId);
      }
      drawn.x = Math.min(px, x);
      drawn.y = Math.min(py, y);
      drawn.width = Math.max(w, SMALLEST);
      drawn.height = Math.max(h, SMALLEST);
      changed(drawn);
    };
    const onUp = () => {
      svg.removeEventListener("pointermove", onMove);
      svg.removeEventListener("pointerup", onUp);
      svg.removeEventListener("pointercancel", onUp);
      if (!hit && !drawn) choose(null);
    };
    svg.addEventListener("pointermove", onMove);
    svg.addEventListener("pointerup", onUp);
    svg.addEventListener("pointercancel", onUp);
  });

  byId("clear").addEventListener("load", preview); // only then is there a colour to fill with
  new ResizeObserver(placeGrip).observe(svg);
  show();
}
