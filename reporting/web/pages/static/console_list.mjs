// Ticking many jobs by keyboard or mouse: all, or all between two.

const boxes = [...document.querySelectorAll("table.jobs tbody input[type=checkbox]")];
const all = document.getElementById("all");
const ticked = document.getElementById("ticked");
let last = null;

document.documentElement.classList.add("is-scripted");
document.getElementById("outcome")?.focus();

function count() {
  const n = boxes.filter((box) => box.checked).length;
  if (ticked) ticked.textContent = `: ${n}`;
  if (all) {
    all.checked = n > 0 && n === boxes.length;
    all.indeterminate = n > 0 && n < boxes.length;
  }
}

function tickTo(box) {
  const [from, to] = [boxes.indexOf(last ?? box), boxes.indexOf(box)].sort((a, b) => a - b);
  for (const each of boxes.slice(from, to + 1)) each.checked = box.checked;
}

for (const box of boxes) {
  box.addEventListener("click", (event) => {
    if (event.shiftKey && last && last !== box) tickTo(box);
    last = box;
    count();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === " " && event.shiftKey) {
      event.preventDefault();
      box.checked = !box.checked;
      if (last && last !== box) tickTo(box);
      last = box;
      count();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const next = step && boxes[boxes.indexOf(box) + step];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  });
}

all?.addEventListener("change", () => {
  for (const box of boxes) box.checked = all.checked;
  count();
});
window.addEventListener("pageshow", count);
