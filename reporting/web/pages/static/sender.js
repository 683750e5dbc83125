// How a photo and a report get to us over a bad line: each in as many requests as it takes, and
// once. A classic script: pages and the service worker share it.
//
// Each verb returns when we have it. It throws Lost when the line broke or we are away (try again,
// not before `after_s` if that is said), and Refused, with the problem, when trying again is of no
// use.
"use strict";
(function (self) {
  const PATIENCE_MS = 60_000; // for an answer, or for an upload's next sign of life
  const FRUITLESS = 4; // times in a row that the line broke before anything got through
  const DAY_MS = 24 * 3600 * 1000;
  const HOUR_MS = 3600 * 1000;

  // `answered`: the line held, but there was no use in the answer.
  class Lost extends Error {
    constructor({ answered = false, after_s = null, problem = null } = {}) {
      super("lost");
      Object.assign(this, { answered, after_s, problem });
    }
  }

  class Refused extends Error {
    constructor(problem) { super(problem.code); this.problem = problem; }
  }

  // By how much our clock is ahead of this device's, in ms, as far as answers told.
  let ahead = 0;

  const pause = (ms) => new Promise((over) => setTimeout(over, ms));

  function uuid() {
    if (self.crypto.randomUUID) return self.crypto.randomUUID();
    const bytes = self.crypto.getRandomValues(new Uint8Array(16)); // http, which only a trial uses
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  // --- One request ---------------------------------------------------------------------------

  // A page can show how an upload gets on; fetch cannot tell, and the worker has nothing else.
  // `credentials: "omit"` leaves the cookies out, which only fetch can.
  function ask(method, path, { headers = {}, body = null, onProgress, credentials = "same-origin" } = {}) {
    const shows = onProgress && self.XMLHttpRequest && credentials !== "omit";
    return shows ? byXhr(method, path, headers, body, onProgress) : byFetch(method, path, headers, body, credentials);
  }

  async function byFetch(method, path, headers, body, credentials) {
    const control = new AbortController();
    const timer = setTimeout(() => control.abort(), PATIENCE_MS);
    try {
      const answer = await fetch(path, {
        method, headers, body, signal: control.signal,
        cache: "no-store", credentials, redirect: "error",
      });
      return answered(answer.status, (name) => answer.headers.get(name), await answer.text());
    } catch {
      throw new Lost();
    } finally {
      clearTimeout(timer);
    }
  }

  function byXhr(method, path, headers, body, onProgress) {
    return new Promise((found, failed) => {
      const request = new XMLHttpRequest();
      let timer = 0;
      const alive = () => {
        clearTimeout(timer);
        timer = setTimeout(() => request.abort(), PATIENCE_MS);
      };
      request.open(method, path);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.upload.onprogress = (event) => { alive(); onProgress(event.loaded); };
      request.onload = () =>
        found(answered(request.status, (name) => request.getResponseHeader(name), request.responseText));
      request.onerror = request.onabort = () => failed(new Lost());
      request.onloadend = () => clearTimeout(timer);
      alive();
      request.send(body);
    });
  }

  function answered(status, header, text) {
    const date = Date.parse(header("Date") ?? "");
    // Answers travel; seconds are no matter.
    if (date) ahead = Math.abs(date - Date.now()) > 30_000 ? date - Date.now() : 0;
    let json = null;
    if (/json/.test(header("Content-Type") ?? "")) {
      try { json = JSON.parse(text); } catch { /* cut off */ }
    }
    return { status, header, json };
  }

  // What an answer that is no success means. A café's log-in page is no answer of ours.
  function verdict({ status, header, json }) {
    const ours = json !== null && typeof json.code === "string";
    const again = [408, 425, 429].includes(status) || status < 400 || status >= 500;
    if (again || json?.code === "still-running" || !(ours || status === 413)) {
      const said = header("Retry-After");
      const seconds = said === null || said === "" ? null : Number(said);
      const problem = status === 429 && ours ? { ...json, status } : null;
      return new Lost({ answered: true, after_s: Number.isFinite(seconds) ? seconds : null, problem });
    }
    return new Refused({ code: "body-too-large", ...json, status });
  }

  // --- The browser as a device -----------------------------------------------------------------

  // With a cookie of its own the browser finds its reports again; without one they go all the same.
  // A request is known again only from the same sender, so whoever began as nobody stays nobody for
  // that report. Tells which.
  async function introduce() {
    const before = await Store.get("kept", "browser");
    if (before?.until > Date.now()) return before.known;
    let known = Boolean(before?.known);
    let until = Date.now() + HOUR_MS;
    try {
      if ((await ask("POST", "/browser")).status === 204) [known, until] = [true, Date.now() + DAY_MS];
    } catch (error) {
      if (!(error instanceof Lost)) throw error;
      until = 0;
    }
    await Store.write(["kept", { id: "browser", known, until }]);
    return known;
  }

  // --- A photo -------------------------------------------------------------------------------

  async function digest(bytes) {
    if (!self.crypto.subtle) return null; // http, which only a trial uses
    const found = new Uint8Array(await self.crypto.subtle.digest("SHA-256", bytes));
    return `sha-256=:${btoa(String.fromCharCode(...found))}:`;
  }

  // Send it from where the last connection ended. `onProgress` is told the bytes that are there.
  async function photo({ upload, type, bytes, begun }, credentials, onProgress) {
    const length = bytes.byteLength;
    const headers = { "Content-Type": type, "Upload-Length": String(length) };
    const sum = await digest(bytes);
    if (sum) headers["Repr-Digest"] = sum;
    const path = `/v1/photos/${upload}`;
    let offset = begun ? null : 0; // null: ask
    let furthest = 0;
    let fruitless = 0;
    for (;;) {
      try {
        offset ??= await standing(path, credentials);
        onProgress(offset);
        if (offset === length) return; // whole, and compared with its digest there
        if (offset > furthest) fruitless = 0;
        furthest = Math.max(furthest, offset);
        const from = offset;
        const answer = await ask("PUT", path, {
          headers: { ...headers, "Upload-Offset": String(from) },
          body: from ? bytes.slice(from) : bytes,
          onProgress: (sent) => onProgress(from + sent),
          credentials,
        });
        if ((answer.status === 200 || answer.status === 201) && answer.json?.id) {
          onProgress(length);
          return;
        }
        // It stands elsewhere than we thought, or the whole was not what it should be.
        if (!String(answer.json?.code).match(/^upload-|^digest-/)) throw verdict(answer);
        throw new Lost();
      } catch (error) {
        if (!(error instanceof Lost) || error.after_s !== null) throw error;
        if (++fruitless > FRUITLESS) throw error;
        await pause(fruitless > 1 ? 250 * 2 ** fruitless * (0.5 + Math.random()) : 0);
        offset = null;
      }
    }
  }

  async function standing(path, credentials) {
    const answer = await ask("HEAD", path, { credentials });
    if (answer.status === 404) return 0;
    const offset = Number(answer.header("Upload-Offset") ?? NaN);
    if (answer.status !== 200 || !Number.isInteger(offset)) throw verdict(answer);
    return offset;
  }

  // --- A report ------------------------------------------------------------------------------

  // When it was written, by our clock: a phone's may be wrong by days.
  const observed = (made_at) => new Date(Date.parse(made_at) + ahead).toISOString();

  // Send it under its id; what it is answered, without what only a cookie may hold.
  async function report(id, body, credentials) {
    const headers = { "Content-Type": "application/json", "Idempotency-Key": id };
    const answer = await ask("POST", "/v1/reports", { headers, body, credentials });
    const taken = [200, 201, 202].includes(answer.status) && answer.json !== null;
    if (!taken) throw verdict(answer);
    if (credentials === "omit") await claim(answer.json);
    const told = Object.entries(answer.json).filter(([name]) => !name.startsWith("tracking_"));
    return { state: answer.status === 202 ? "confirm" : "sent", answer: Object.fromEntries(told) };
  }

  // Sent as nobody, it is still this browser's: its link is opened once, which leaves a cookie. If
  // the line breaks here, the report is sent again, and answered again.
  async function claim({ reference, tracking_token }) {
    if (!tracking_token) return;
    try {
      await fetch(`/r/${reference}?t=${tracking_token}`, { redirect: "manual", cache: "no-store" });
    } catch {
      throw new Lost();
    }
  }

  self.Sender = { Lost, Refused, ask, verdict, introduce, photo, report, observed, uuid };
})(self);
