// Elements by hand: a page under a strict policy has no other templates.

// make("button", { type: "button", class: "big", onclick: act }, "Words", otherElement)
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(made.dataset, value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const button = (label, act, kind = "", more = {}) =>
  make("button", { type: "button", class: kind || null, onclick: act, ...more }, label);

// Put in only what differs, by `key`: a button that is looked at keeps its focus.
export function keyed(root, rows) {
  const known = new Map([...root.children].map((each) => [each.dataset.key, each]));
  const next = rows.map(({ key, is, draw }) => {
    const stamp = JSON.stringify(is);
    const row = known.get(key);
    if (row?.dataset.is === stamp) return row;
    const fresh = draw();
    Object.assign(fresh.dataset, { key, is: stamp });
    return fresh;
  });
  if (next.length !== root.children.length || next.some((row, i) => row !== root.children[i])) focusKept(root, () => root.replaceChildren(...next));
}

// What is put in again loses the focus: it goes back to the same control of the same row.
function focusKept(root, change) {
  const held = root.contains(document.activeElement) ? document.activeElement : null;
  const before = held?.closest("[data-key]");
  const place = before ? [...before.querySelectorAll(CONTROLS)].indexOf(held) : -1;
  change();
  if (!held || document.activeElement === held) return;
  const after = [...root.children].find((row) => row.dataset.key === before?.dataset.key);
  const control = held.isConnected ? held : after?.querySelectorAll(CONTROLS)[place];
  (control?.disabled ? after.querySelector(`:is(${CONTROLS}):enabled`) : control)?.focus({ preventScroll: true });
}

const CONTROLS = "a[href], button, input";
