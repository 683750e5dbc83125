// The plan of the wards in place of the map, where the browser draws none (no WebGL): a pin by
// tapping or by the arrow keys.

import { say } from "./words.mjs";

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Draws it into the element. Raises where there is none to draw.
export async function draw(element, { at, moved }) {
  const answer = await fetch("/plan");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const svg = document.importNode(page.querySelector(".map svg.plan"), true);
  for (const link of svg.querySelectorAll("a")) link.replaceWith(...link.childNodes);
  element.replaceChildren(svg);
  element.tabIndex = 0;
  element.setAttribute("role", "application");
  element.setAttribute("aria-label", say("mapLabel"));
  const pin = svg.querySelector("#pin");
  const [west, south, kx, ky] = ["west", "south", "kx", "ky"].map((name) => Number(svg.dataset[name]));
  const box = svg.viewBox.baseVal;
  let spot = null;

  function show(place) {
    spot = place && { x: (place.lng - west) * kx, y: (south - place.lat) * ky };
    pin.setAttribute("visibility", spot ? "visible" : "hidden");
    if (spot) pin.setAttribute("transform", `translate(${spot.x.toFixed(1)} ${spot.y.toFixed(1)})`);
  }

  function drop(x, y) {
    const place = { lat: south - y / ky, lng: west + x / kx };
    show(place);
    moved(place);
  }

  svg.addEventListener("click", (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    drop(point.x, point.y);
  });
  element.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const length = event.shiftKey ? 50 : 8;
    const from = spot ?? { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    drop(
      Math.min(Math.max(from.x + step[0] * length, box.x), box.x + box.width),
      Math.min(Math.max(from.y + step[1] * length, box.y), box.y + box.height),
    );
  });
  show(at);
  return { show, circle: () => {} };
}
