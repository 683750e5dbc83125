// A photo made ready to send: what its file says of place and time is read, then it is shrunk.
// The shrunk one is made from pixels alone, so nothing of what the file said goes with it.

const LONGEST_PX = 1920;
const QUALITY = 0.8;
const LARGE_BYTES = 4_000_000;
const GPS_IFD = 0x8825, EXIF_IFD = 0x8769, TAKEN_AT = 0x9003, ZONE = 0x9011;

export async function prepare(file) {
  const original = new Uint8Array(await file.arrayBuffer());
  const type = kind(original);
  if (!type) throw Object.assign(new Error("not a picture"), { code: "not-a-picture" });
  const shrunk = await shrink(new Blob([original], { type }));
  // A large one may only be too much for this phone; the server will tell.
  if (!shrunk && type !== "image/heic" && original.length < LARGE_BYTES) {
    throw Object.assign(new Error("a broken picture"), { code: "not-a-picture" });
  }
  return { bytes: shrunk ?? original.buffer, type: shrunk ? "image/jpeg" : type, ...facts(original) };
}

// By its first bytes, as the server tells it.
export function kind(bytes) {
  const text = String.fromCharCode(...bytes.subarray(0, 12));
  if (text.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (text.startsWith("\x89PNG")) return "image/png";
  if (text.startsWith("RIFF") && text.endsWith("WEBP")) return "image/webp";
  if (/^....ftyp(hei|hev|mif1|msf1)/s.test(text)) return "image/heic";
  return null;
}

// Null for what this browser cannot open (most cannot open an iPhone's HEIC): it goes as it is.
async function shrink(blob) {
  let picture;
  try {
    picture = await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch {
    return null;
  }
  const scale = Math.min(1, LONGEST_PX / Math.max(picture.width, picture.height));
  const width = Math.max(1, Math.round(picture.width * scale));
  const height = Math.max(1, Math.round(picture.height * scale));
  const canvas = self.OffscreenCanvas ? new OffscreenCanvas(width, height) : document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  if (!pen) return null;
  pen.fillStyle = "#fff"; // where a PNG is clear
  pen.fillRect(0, 0, width, height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, width, height);
  picture.close();
  const how = { type: "image/jpeg", quality: QUALITY };
  const made = canvas.convertToBlob
    ? await canvas.convertToBlob(how)
    : await new Promise((kept) => canvas.toBlob(kept, how.type, how.quality));
  return made && made.size ? made.arrayBuffer() : null;
}

// What EXIF says: {position: {lat, lng}, taken_at}, each only where it is there and can be true.
export function facts(bytes) {
  try {
    return read(bytes);
  } catch {
    return {}; // cut short, or made by somebody who cannot count
  }
}

function read(bytes) {
  const start = find(bytes);
  if (start < 0) return {};
  const view = new DataView(bytes.buffer, bytes.byteOffset + start);
  const little = view.getUint16(0) === 0x4949;
  const first = table(view, view.getUint32(4, little), little);
  const found = {};
  const position = first[GPS_IFD] && place(table(view, first[GPS_IFD].number(), little));
  if (position) found.position = position;
  const exif = first[EXIF_IFD] ? table(view, first[EXIF_IFD].number(), little) : {};
  const when = /^(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)$/.exec(exif[TAKEN_AT]?.text() ?? "");
  const zone = /^[+-]\d\d:\d\d$/.exec(exif[ZONE]?.text() ?? "");
  if (when) found.taken_at = `${when[1]}-${when[2]}-${when[3]}T${when[4]}${zone ? zone[0] : ""}`;
  return found;
}

// Where the TIFF header begins: in a JPEG's APP1, a WebP's chunk, or somewhere in a HEIC.
function find(bytes) {
  const mark = [0x45, 0x78, 0x69, 0x66, 0, 0]; // "Exif", 0, 0
  for (let at = bytes.indexOf(mark[0]); at >= 0; at = bytes.indexOf(mark[0], at + 1)) {
    if (!mark.every((byte, i) => bytes[at + i] === byte)) continue;
    const header = String.fromCharCode(...bytes.subarray(at + 6, at + 10));
    if (header === "II*\0" || header === "MM\0*") return at + 6;
  }
  return -1;
}

// The entries of one directory by tag; values are read when asked for.
function table(view, at, little) {
  const entries = {};
  for (let n = view.getUint16(at, little), i = 0; i < n; i++) {
    const entry = at + 2 + i * 12;
    const type = view.getUint16(entry + 2, little);
    const count = view.getUint32(entry + 4, little);
    const size = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 10: 8 }[type] ?? 1;
    const data = () => (size * count > 4 ? view.getUint32(entry + 8, little) : entry + 8);
    entries[view.getUint16(entry, little)] = {
      number: () => (type === 3 ? view.getUint16(data(), little) : view.getUint32(data(), little)),
      text: () => {
        const from = data();
        const letters = Array.from({ length: Math.min(count, 64) }, (_, k) => view.getUint8(from + k));
        return String.fromCharCode(...letters).split("\0")[0];
      },
      ratios: () =>
        Array.from({ length: Math.min(count, 3) }, (_, k) => {
          const from = data() + k * 8;
          return view.getUint32(from, little) / view.getUint32(from + 4, little);
        }),
    };
  }
  return entries;
}

function place(gps) {
  const lat = degrees(gps[2], gps[1], "S");
  const lng = degrees(gps[4], gps[3], "W");
  const known = Math.abs(lat) <= 90 && Math.abs(lng) <= 180 && (lat !== 0 || lng !== 0);
  return known ? { lat, lng } : null;
}

function degrees(value, half, negative) {
  const [whole, minutes = 0, seconds = 0] = value?.ratios() ?? [];
  const found = whole + (minutes || 0) / 60 + (seconds || 0) / 3600;
  return Math.round((half?.text() === negative ? -found : found) * 1e7) / 1e7;
}
