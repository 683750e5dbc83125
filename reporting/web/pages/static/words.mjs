// What the scripts say, in the reader's language: the server put it into the page.

const found = document.getElementById("words");
export const words = found ? JSON.parse(found.textContent) : {};

// The sentence with its {names} filled in.
export function say(name, values = {}) {
  return words[name].replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

// An element with attributes and children; text is never read as markup.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// The clock as people here write it. Chromium knows no Welsh, so Intl is not asked.
export function moment(date) {
  const two = (number) => String(number).padStart(2, "0");
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (date.toDateString() === new Date().toDateString()) return say("at", { time });
  return say("on", { time, date: `${date.getDate()}/${date.getMonth() + 1}` });
}
