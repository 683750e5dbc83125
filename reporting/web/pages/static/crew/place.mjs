// Where this tablet is, asked once when somebody wants to know; how far things are; which jobs lie
// at one stop.

const PATIENCE_MS = 15_000;
const SAME_STOP_M = 30;
const METRES = 111_320; // of a degree of latitude

export function distance(a, b) {
  if (!a || !b) return null;
  const north = (a.lat - b.lat) * METRES;
  const east = (a.lng - b.lng) * METRES * Math.cos((((a.lat + b.lat) / 2) * Math.PI) / 180);
  return Math.hypot(north, east);
}

export const last = async () => (await CrewDb.get("kept", "position")) ?? null;

// One fix. Raises an error whose message says why there is none.
export async function fix() {
  const WHY = { 1: "This tablet may not tell where it is: allow it in the browser’s settings.", 2: "No position was found here.", 3: "It took too long to find a position." };
  if (!navigator.geolocation) throw new Error("This browser cannot tell where it is.");
  const { coords } = await new Promise((found, failed) => {
    navigator.geolocation.getCurrentPosition(found, ({ code }) => failed(new Error(WHY[code] ?? WHY[2])), {
      enableHighAccuracy: true, timeout: PATIENCE_MS, maximumAge: 60_000,
    });
  });
  const here = { id: "position", lat: coords.latitude, lng: coords.longitude, accuracy_m: coords.accuracy, at: new Date().toISOString() };
  await CrewDb.write(["kept", here]);
  return here;
}

// The jobs at the same stop: those within 30 m of it.
export const atStop = (job, jobs) =>
  job.location ? jobs.filter((each) => each.id !== job.id && each.location && distance(each.location, job.location) <= SAME_STOP_M) : [];

// A way there by whatever the tablet uses for maps; nothing is fetched by us.
export function directions({ lat, lng }) {
  const at = `${lat.toFixed(6)},${lng.toFixed(6)}`;
  return /Android/.test(navigator.userAgent) ? `geo:${at}?q=${at}` : `https://www.google.com/maps/dir/?api=1&destination=${at}`;
}
