// The home page with JavaScript: a pin on the map by tapping or by arrow keys, and at once whose
// place that is. The form is the same without it, and is sent in the same way.

const svg = document.querySelector("#map svg");
const map = document.getElementById("map");
const form = document.getElementById("report");
const NOWHERE = "Whose place it is appears here.";
const byId = (id) => document.getElementById(id);

document.documentElement.classList.add("is-scripted");

if (form) {
  // A page that comes back from the browser's memory would repeat the report it sent.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  byId("lat").addEventListener("change", typed);
  byId("lng").addEventListener("change", typed);
  form.addEventListener("change", (event) => {
    if (event.target.name === "category") lookUp();
  });
}

if (svg) {
  map.tabIndex = 0;
  map.setAttribute("role", "application");
  map.setAttribute("aria-label", "Map. The arrow keys move the pin, with Shift in long steps.");
  map.setAttribute("aria-describedby", "here");
  svg.addEventListener("click", tapped);
  map.addEventListener("keydown", steered);
  byId("ward").addEventListener("change", chosen);
}

const plan = svg && {
  west: Number(svg.dataset.west),
  south: Number(svg.dataset.south),
  kx: Number(svg.dataset.kx),
  ky: Number(svg.dataset.ky),
  box: svg.viewBox.baseVal,
};

function tapped(event) {
  event.preventDefault(); // the wards are links for those without JavaScript
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  drop(point.x, point.y);
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function steered(event) {
  const step = STEPS[event.key];
  if (!step) return;
  event.preventDefault();
  const length = event.shiftKey ? 50 : 8;
  const from = pinned() ?? { x: plan.box.x + plan.box.width / 2, y: plan.box.y + plan.box.height / 2 };
  drop(
    clamp(from.x + step[0] * length, plan.box.x, plan.box.width),
    clamp(from.y + step[1] * length, plan.box.y, plan.box.height),
  );
}

const clamp = (value, low, size) => Math.min(Math.max(value, low), low + size);

function drop(x, y) {
  byId("lat").value = (plan.south - y / plan.ky).toFixed(5);
  byId("lng").value = (plan.west + x / plan.kx).toFixed(5);
  byId("ward").value = "";
  moved();
}

function chosen() {
  const { lat, lng } = byId("ward").selectedOptions[0].dataset;
  byId("lat").value = lat ?? "";
  byId("lng").value = lng ?? "";
  moved();
}

function typed() {
  if (byId("ward")) byId("ward").value = "";
  moved();
}

function pinned() {
  const { lat, lng } = place();
  return lat === null ? null : { x: (lng - plan.west) * plan.kx, y: (plan.south - lat) * plan.ky };
}

function place() {
  const [lat, lng] = ["lat", "lng"].map((id) => {
    const text = byId(id).value.trim();
    return text === "" || !Number.isFinite(Number(text)) ? null : Number(text);
  });
  return lat === null || lng === null ? { lat: null, lng: null } : { lat, lng };
}

function moved() {
  if (svg) {
    const at = pinned();
    const pin = byId("pin");
    pin.setAttribute("visibility", at ? "visible" : "hidden");
    if (at) pin.setAttribute("transform", `translate(${at.x.toFixed(1)} ${at.y.toFixed(1)})`);
  }
  lookUp();
}

let waiting = 0;
let asking = new AbortController();

function lookUp() {
  clearTimeout(waiting);
  asking.abort();
  const { lat, lng } = place();
  if (lat === null) return tell(NOWHERE);
  waiting = setTimeout(async () => {
    asking = new AbortController();
    const category = form.elements.category.value;
    try {
      const answer = await fetch(`/v1/where?${new URLSearchParams({ lat, lng, category })}`, { signal: asking.signal });
      const found = await answer.json();
      if (answer.ok) tell(whose(found));
      else tell(`${found.detail}${found.nearest ? ` The nearest is ${found.nearest.name}.` : ""}`, true);
    } catch (error) {
      if (error.name !== "AbortError") tell("We cannot say whose place it is just now. The report can be sent all the same.", true);
    }
  }, 150);
}

function whose(found) {
  const ward = found.ward ? `${found.ward.name}: ` : "";
  const names = found.authorities.map((each) => each.name).join(" and ");
  return `${ward}${names}. This would go to ${found.team.name}.`;
}

function tell(sentence, isWrong = false) {
  const here = byId("here");
  here.textContent = sentence;
  here.classList.toggle("is-wrong", isWrong);
}

if (form) moved();
