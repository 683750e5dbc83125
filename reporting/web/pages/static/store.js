// What this browser keeps, in IndexedDB. A classic script: pages and the service worker share it.
// Residents' reports stand in one database, `Store`; a crew's day in another (crew/db.js).
//
// Where nothing can be kept (no IndexedDB, a private window that refuses it) the same stands in
// memory, and `Store.keeps` is false: what is sent before the page is closed still arrives.
"use strict";
(function (self) {
  const PATIENCE_MS = 5000;

  function storeNamed(database, stores) {
    const memory = Object.fromEntries(stores.map((name) => [name, new Map()]));
    let opening = null;
    let keeps = true;

    function opened() {
      opening ??= new Promise((found, failed) => {
        const asked = self.indexedDB.open(database, 1);
        asked.onupgradeneeded = () => {
          for (const name of stores) asked.result.createObjectStore(name, { keyPath: "id" });
        };
        asked.onsuccess = () => {
          // Closed by the browser, or by a newer version of this file: opened anew when needed.
          asked.result.onclose = () => (opening = null);
          asked.result.onversionchange = () => { asked.result.close(); opening = null; };
          found(asked.result);
        };
        asked.onerror = () => failed(asked.error);
        setTimeout(failed, PATIENCE_MS); // some private windows never answer
      }).catch(() => { keeps = false; return null; });
      return opening;
    }

    async function transaction(mode, names, work) {
      try {
        return await attempt(mode, names, work);
      } catch (error) {
        if (error?.name === "QuotaExceededError") throw Object.assign(new Error("storage-full"), { code: "storage-full" });
        if (error?.name !== "InvalidStateError") throw error;
        opening = null; // the browser closed it behind our back
        return attempt(mode, names, work);
      }
    }

    async function attempt(mode, names, work) {
      const db = await opened();
      return new Promise((kept, failed) => {
        let result;
        const tx = db.transaction(names, mode, { durability: "strict" });
        tx.oncomplete = () => kept(result);
        tx.onabort = () => failed(tx.error ?? new DOMException("", "AbortError"));
        work((name) => tx.objectStore(name), (value) => (result = value));
      });
    }

    async function get(name, id) {
      if (!(await opened())) return memory[name].get(id);
      return transaction("readonly", [name], (store, found) => {
        store(name).get(id).onsuccess = (event) => found(event.target.result);
      });
    }

    async function all(name) {
      if (!(await opened())) return [...memory[name].values()];
      return transaction("readonly", [name], (store, found) => {
        store(name).getAll().onsuccess = (event) => found(event.target.result);
      });
    }

    // All of these or none: [store, record] is put, [store, id] that is a string is deleted.
    async function write(...changes) {
      if (!changes.length) return;
      if (!(await opened())) {
        for (const [name, what] of changes) {
          if (typeof what === "string") memory[name].delete(what);
          else memory[name].set(what.id, what);
        }
        return;
      }
      const names = [...new Set(changes.map(([name]) => name))];
      await transaction("readwrite", names, (store) => {
        for (const [name, what] of changes) {
          if (typeof what === "string") store(name).delete(what);
          else store(name).put(what);
        }
      });
    }

    // Change what is there now, whoever changed it meanwhile. Undefined where it is gone, or where
    // `values`, asked what to make of it, leaves it as it is.
    async function change(name, id, values) {
      const made = (known) => (typeof values === "function" ? values(known) : known && { ...known, ...values });
      if (!(await opened())) {
        const next = made(memory[name].get(id));
        if (next) memory[name].set(id, next);
        return next;
      }
      return transaction("readwrite", [name], (store, found) => {
        store(name).get(id).onsuccess = (event) => {
          const next = made(event.target.result);
          if (!next) return;
          found(next);
          store(name).put(next);
        };
      });
    }

    // All that stands in these.
    async function empty(...names) {
      if (!(await opened())) return names.forEach((name) => memory[name].clear());
      await transaction("readwrite", names, (store) => names.forEach((name) => store(name).clear()));
    }

    return { get, all, write, change, empty, opened, get keeps() { return keeps; } };
  }

  self.storeNamed = storeNamed;
  // Photos are looked at often, their bytes seldom.
  self.Store = storeNamed("kerbline", ["drafts", "photos", "bytes", "reports", "kept"]);
})(self);
