// What this origin keeps in the browser: keys, checkpoints it has verified, signed statements on their way, invitations made or opened here.
// Nothing else, and nothing readable by the main site. A private window may refuse all of it; the caller says so in words.

const NAME = "coopnode-signing";
const STORES = { keys: "id", checkpoints: "origin", outbox: "id", invitations: "kid" };

let opened = /** @type {Promise<IDBDatabase> | null} */ (null);

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 2);
    request.onupgradeneeded = () => {
      const there = request.result.objectStoreNames;
      for (const [name, keyPath] of Object.entries(STORES)) if (!there.contains(name)) request.result.createObjectStore(name, { keyPath });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/** @param {keyof typeof STORES} store @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest | null} work */
async function transaction(store, mode, work) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const running = database.transaction(store, mode, { durability: "strict" });
    const request = work(running.objectStore(store));
    running.oncomplete = () => resolve(request?.result);
    running.onabort = running.onerror = () => reject(running.error ?? request?.error);
  });
}

/** @param {keyof typeof STORES} name */
const table = (name) => ({
  /** @param {string} id @returns {Promise<any>} */
  get: (id) => transaction(name, "readonly", (store) => store.get(id)),
  /** @returns {Promise<any[]>} */
  all: () => transaction(name, "readonly", (store) => store.getAll()),
  /** @param {any} record */
  put: (record) => transaction(name, "readwrite", (store) => store.put(record)),
  /** All or none. @param {any[]} records */
  putAll: (records) => transaction(name, "readwrite", (store) => { for (const record of records) store.put(record); return null; }),
  /** @param {string} id */
  remove: (id) => transaction(name, "readwrite", (store) => store.delete(id)),
});

export const keyTable = table("keys");
export const checkpointTable = table("checkpoints");
export const outboxTable = table("outbox");
export const invitationTable = table("invitations");

/** Asks the browser not to clear our storage. Firefox shows a question and may never answer: call it on a click and do not wait. */
export function askToKeep() {
  navigator.storage?.persist?.().catch(() => {});
}
