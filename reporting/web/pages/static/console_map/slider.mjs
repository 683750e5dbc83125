// Thirty days, a week at each step. Playing waits for each window to be on the page before the
// next: it never asks for more than the server answers. What moves by itself is not offered to whoever
// asks for less motion.

const DAY_MS = 86_400_000;
const WEEK = 7;
const LINGER_MS = 900; // a window is looked at so long
const PATIENCE_MS = 250; // what a hand on the slider settles for
const still = matchMedia("(prefers-reduced-motion: reduce)");
const ISO = (ms) => new Date(ms).toISOString().slice(0, 10);

export function slider({ group, go, ahead, settled }) {
  const range = group.querySelector("#slide");
  const play = group.querySelector("#play");
  const said = group.querySelector("#slide-said");
  let facts = null;
  let playing = null;
  let waiting = null;

  const ends = (step) => {
    const last = Date.parse(facts.end) - (facts.steps - step) * WEEK * DAY_MS;
    return [ISO(last - (facts.days - 1) * DAY_MS), ISO(last)];
  };
  const words = (from, to) => {
    const say = (day, more) => new Date(day).toLocaleDateString("en-GB", { day: "numeric", month: "long", timeZone: "UTC", ...more });
    return `${say(from, from.slice(0, 4) === to.slice(0, 4) ? {} : { year: "numeric" })} to ${say(to, { year: "numeric" })}`;
  };

  function label(from, to) {
    const sentence = from ? words(from, to) : "All days so far";
    said.textContent = sentence;
    range.setAttribute("aria-valuetext", sentence);
  }

  function stop() {
    playing?.abort();
    playing = null;
    play.textContent = "Play";
    play.removeAttribute("data-playing");
  }

  async function run() {
    const mine = (playing = new AbortController());
    play.textContent = "Stop";
    play.dataset.playing = "";
    let step = Number(range.value);
    // From the end, or from days that are no window, it begins a year before the end.
    if (step >= facts.steps || !isWindow()) step = Math.max(0, facts.steps - 52) - 1;
    let how = "push"; // going back leads to before it played
    while (step < facts.steps && !mine.signal.aborted && !document.hidden) {
      step += 1;
      range.value = step;
      label(...ends(step));
      const [there] = await Promise.all([
        go(...ends(step), how).then((ok) => ok && settled().then(() => true)),
        new Promise((done) => setTimeout(done, LINGER_MS)),
      ]);
      how = "replace";
      if (!there) break;
      if (step < facts.steps && !mine.signal.aborted) ahead(...ends(step + 1));
    }
    if (playing === mine) stop();
  }

  const isWindow = () => facts.from && (Date.parse(facts.to) - Date.parse(facts.from)) / DAY_MS === facts.days - 1;

  range.addEventListener("input", () => {
    stop();
    const [from, to] = ends(Number(range.value));
    label(from, to);
    clearTimeout(waiting);
    waiting = setTimeout(() => go(from, to, "push"), PATIENCE_MS);
  });
  play.addEventListener("click", () => (playing ? stop() : run()));
  const offer = () => {
    play.hidden = still.matches;
    if (still.matches) stop();
  };
  still.addEventListener("change", offer);
  offer();

  return {
    stop,
    /** As the server says it; while a hand is on the slider, the hand is right. */
    show(weeks) {
      const { steps, at, end, days, from, to } = weeks.dataset;
      facts = { steps: Number(steps), days: Number(days), end, from, to };
      group.hidden = !from && !weeks.querySelector("svg");
      range.max = steps;
      if (!playing && document.activeElement !== range) range.value = at;
      if (!playing) label(from, to);
      if (facts.steps === 0) group.hidden = true;
    },
  };
}
