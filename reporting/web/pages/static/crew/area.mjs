// What is drawn under the jobs without signal: the council's own map file, kept in parts in this
// tablet's database, and the lines of the wards where there is none.

const FILE = "/crew/map.pmtiles";
const AREAS = "/crew/areas.json";
const PART = 1_000_000;
const LOOK_AGAIN_MS = 12 * 3600_000;
const PATIENCE_MS = 20_000;

let refreshing = null;

// Fetch what is new, once at a time and without being waited for. True when another map came.
export function refresh() {
  refreshing ??= CrewDb.alone("area", async (mine) => mine && (await Promise.all([file(), areas()]))[0], { wait: false })
    .catch((error) => { console.warn(`The map area was not kept: ${error.message}`); return false; })
    .finally(() => { refreshing = null; });
  return refreshing;
}

const isFresh = (kept) => kept && Date.now() - Date.parse(kept.looked_at) < LOOK_AGAIN_MS;

async function file() {
  const known = await CrewDb.get("bytes", "map");
  if (isFresh(known)) return false;
  const looked_at = new Date().toISOString();
  const answer = await fetch(FILE, { cache: "no-store", headers: known?.etag ? { "If-None-Match": known.etag } : {} }).catch(() => null);
  if (!answer) return false;
  if (answer.status === 304 || answer.status === 404) {
    if (answer.status === 404 && known?.parts) await drop(known);
    await CrewDb.write(["bytes", { ...(answer.status === 304 ? known : { id: "map", parts: 0 }), looked_at }]);
    return false;
  }
  if (!answer.ok || !answer.body) return false;
  const name = `map ${CrewDb.uuid()}`;
  const fresh = { id: "map", name, etag: answer.headers.get("ETag"), at: looked_at, looked_at, size: 0, parts: 0 };
  try {
    for await (const bytes of parts(answer.body)) {
      await CrewDb.write(["bytes", { id: `${name} ${fresh.parts}`, bytes: bytes.buffer }]);
      fresh.parts += 1;
      fresh.size += bytes.byteLength;
    }
    await CrewDb.write(["bytes", fresh]);
  } catch (error) {
    await drop(fresh); // cut off or no room: the one before stays
    throw error;
  }
  if (known?.parts) await drop(known);
  return true;
}

const drop = ({ name, parts: count }) => CrewDb.write(...Array.from({ length: count }, (_, n) => ["bytes", `${name} ${n}`]));

// What arrives, cut into equal parts.
async function* parts(body) {
  const reader = body.getReader();
  let part = new Uint8Array(PART);
  let filled = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    for (let at = 0; at < value.length; ) {
      const some = value.subarray(at, at + PART - filled);
      part.set(some, filled);
      filled += some.length;
      at += some.length;
      if (filled < PART) continue;
      yield part;
      part = new Uint8Array(PART);
      filled = 0;
    }
  }
  if (filled) yield part.slice(0, filled);
}

async function areas() {
  const known = await CrewDb.get("bytes", "areas");
  if (isFresh(known)) return false;
  const answer = await fetch(AREAS, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => null);
  if (!answer?.ok) return false;
  const now = new Date().toISOString();
  await CrewDb.write(["bytes", { id: "areas", at: now, looked_at: now, geojson: await answer.json() }]);
  return true;
}

export const outlines = async () => (await CrewDb.get("bytes", "areas")) ?? null;

// As the pmtiles library reads it. Null where no file was given.
export async function source() {
  const known = await CrewDb.get("bytes", "map");
  if (!known?.parts) return null;
  let last = null; // neighbouring tiles lie in the same part

  async function part(n) {
    if (last?.n !== n) last = { n, bytes: (await CrewDb.get("bytes", `${known.name} ${n}`))?.bytes };
    if (!last.bytes) throw new Error("a part of the map is gone");
    return new Uint8Array(last.bytes);
  }

  async function getBytes(offset, length) {
    const end = Math.min(offset + length, known.size);
    const data = new Uint8Array(Math.max(0, end - offset));
    for (let at = offset; at < end; ) {
      const n = Math.floor(at / PART);
      const some = (await part(n)).subarray(at - n * PART, end - n * PART);
      if (!some.length) throw new Error("the map is cut short");
      data.set(some, at - offset);
      at += some.length;
    }
    return { data: data.buffer };
  }

  return { at: known.at, getKey: () => known.name.replaceAll(" ", "-"), getBytes };
}
