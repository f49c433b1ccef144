// Signed statements on their way. They are stored before the first attempt and sent as the same bytes until the node has answered, which
// it does for equal bytes for ever (SPEC §9.4). Openings are kept until a checkpoint covers them (P15), at most a week.

import { base64url, equal, fromBase64url } from "./bytes.js";
import { COMMITTED, leafHash, parseMessage } from "./cose.js";
import { verify } from "./ed25519.js";
import { verifyInclusion } from "./log.js";
import { PageError, Problem, Unreachable } from "./request.js";
import { outboxTable } from "./store.js";

const WEEK = 7 * 86400;
/** The node is there but cannot take anything now: the same as no answer. */
const LATER = new Set([408, 425, 429, 500, 502, 503, 504]);
/** Answers between two writings of the parcel. What was not written is sent again as the same bytes and answered the same. */
const STEP = 25;
/** A sitting of hundreds outruns what the node takes from one account: it is told to come back in a moment. */
const MOMENT_MS = 1000;
const MOMENTS = 120;

/**
 * @typedef {object} Parcel
 * @property {string} id the token of the request
 * @property {string} main
 * @property {string} key id of the key record
 * @property {string} account
 * @property {"sending" | "accepted"} state
 * @property {number} at
 * @property {{origin: string, nodeKey: string | null} | null} log
 * @property {{place: number, type: string, digest: Uint8Array, statement: Uint8Array, record: Uint8Array | null, answer: any}[]} items
 */

export const parcels = outboxTable;

/**
 * Sends what has no answer yet, in order; throws Unreachable (try later) or Problem (refused, `at` names the item).
 * @param {Parcel} parcel @param {import("./request.js").Main} main
 * @param {(parcel: Parcel) => Promise<void>} [keep] what is done with answers
 * @param {(done: number) => Promise<void>} [tell]
 */
export async function send(parcel, main, keep = parcels.put, tell = async () => {}) {
  let unkept = 0;
  try {
    for (const [at, item] of parcel.items.entries()) {
      if (item.answer) continue;
      const answer = await offered(parcel, item, main);
      checkAnswer(parcel, item, answer);
      item.answer = { index: answer.index ?? null, committed: answer.committed ?? null, path: answer.path ?? null };
      unkept += 1;
      if (unkept === STEP) {
        unkept = 0;
        await keep(parcel);
        await tell(at + 1);
      }
    }
  } finally {
    if (unkept) await keep(parcel);
  }
}

async function offered(parcel, item, main) {
  for (let moments = 0; ; moments++) {
    try {
      return await (await main.ask("/entries", { method: "POST", body: form(parcel, item) })).json();
    } catch (error) {
      const soon = error instanceof Problem && error.status === 429 && moments < MOMENTS;
      if (!soon && error instanceof Problem && LATER.has(error.status)) throw Object.assign(new Unreachable(), { busy: error.status });
      if (!soon) throw Object.assign(error instanceof Error ? error : new Unreachable(), { at: item.place });
      await new Promise((resume) => setTimeout(resume, MOMENT_MS));
    }
  }
}

function form(parcel, item) {
  const body = new FormData();
  body.append("statement", new Blob([item.statement], { type: "application/cose" }), "statement");
  if (item.record) body.append("private", new Blob([item.record], { type: "application/cbor" }), "private");
  if (parcel.id) body.append("signing", parcel.id);
  return body;
}

/** The promise must be the node's, about these bytes (P13): it is what convicts a node that loses the document. */
function checkAnswer(parcel, item, answer) {
  if (!parcel.log?.nodeKey) return;
  try {
    const promise = parseMessage(fromBase64url(answer.committed), COMMITTED);
    const { origin, index, count, root } = promise.content;
    const ours = equal(promise.kid, fromBase64url(parcel.log.nodeKey)) && verify(promise.kid, promise.signed, promise.signature);
    const path = hashes(fromBase64url(answer.path));
    const covered = verifyInclusion(leafHash(item.statement), answer.index - index, count, path, root);
    if (ours && origin === parcel.log.origin && covered) return;
  } catch {
    // told below
  }
  throw new PageError("bad_answer");
}

/** @param {Uint8Array} path 32-byte hashes in a row */
function hashes(path) {
  if (path.length % 32) throw new Error("malformed path");
  return Array.from({ length: path.length / 32 }, (_, place) => path.slice(32 * place, 32 * place + 32));
}

/** What the main site is told at the end. @param {Parcel} parcel */
export const answers = (parcel) => parcel.items.map((item) => ({ type: item.type, digest: base64url(item.digest), index: item.answer.index }));

/** Openings are no longer needed here once the log shows the entries in a signed head. @param {string} origin @param {number} size */
export async function dropPublished(origin, size) {
  const now = Math.floor(Date.now() / 1000);
  for (const parcel of await parcels.all()) {
    if (parcel.state !== "accepted") continue;
    const covered = parcel.log?.origin === origin && parcel.items.every((item) => item.answer?.index !== null && item.answer.index < size);
    if (covered || parcel.at + WEEK < now) await parcels.remove(parcel.id);
  }
}
