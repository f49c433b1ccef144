// The log from outside: signed notes and checkpoints (C2SP), proofs of RFC 9162, and the largest checkpoint this device has verified (P3).

import { base64, concat, equal, fromBase64, hex, sha256, utf8 } from "./bytes.js";
import { isKey, verify } from "./ed25519.js";

export class LogError extends Error {}

/** The log contradicts itself or what this device saw before. `evidence` convicts it and is offered for download. */
export class Contradiction extends LogError {
  /** @param {string} message @param {object} evidence */
  constructor(message, evidence) {
    super(message);
    this.evidence = evidence;
  }
}

/** @typedef {{origin: string, size: number, root: Uint8Array, signature: Uint8Array}} Checkpoint `signature`: the log's over the text */

/** @param {string} vkey `<name>+<hex key id>+<base64 of type and key>` */
export function parseVkey(vkey) {
  const found = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(vkey);
  if (!found) throw new LogError("malformed verifier key");
  const material = fromBase64(found[3]);
  const pub = material.slice(1);
  const id = sha256(concat(utf8(`${found[1]}\n`), material)).slice(0, 4);
  if (material[0] !== 1 || !isKey(pub) || hex(id) !== found[2]) throw new LogError("malformed verifier key");
  return { name: found[1], id, pub };
}

/** The checkpoint in a note that the log's key signed; lines of other keys are ignored. @param {string} note @param {string} vkey @returns {Checkpoint} */
export function openCheckpoint(note, vkey) {
  const key = parseVkey(vkey);
  const cut = note.lastIndexOf("\n\n");
  if (cut < 0 || !note.endsWith("\n")) throw new LogError("malformed note");
  const text = note.slice(0, cut + 1);
  let signature = null;
  for (const line of note.slice(cut + 2, -1).split("\n")) {
    const found = /^— (\S+) ([A-Za-z0-9+/=]+)$/.exec(line);
    if (!found) throw new LogError("malformed signature line");
    const data = fromBase64(found[2]);
    if (found[1] !== key.name || !equal(data.slice(0, 4), key.id)) continue;
    // One bad signature under a known name makes the whole note worthless.
    if (!verify(key.pub, utf8(text), data.slice(4))) throw new LogError("the log's signature does not hold");
    signature = data.slice(4);
  }
  if (!signature) throw new LogError("not signed by the log");
  return { ...parseCheckpoint(text, key.name), signature };
}

function parseCheckpoint(text, name) {
  const [origin, size, root, rest, ...more] = text.split("\n");
  if (rest !== "" || more.length || !/^(0|[1-9][0-9]{0,15})$/.test(size)) throw new LogError("malformed checkpoint");
  const checkpoint = { origin, size: Number(size), root: fromBase64(root) };
  if (checkpoint.root.length !== 32 || !Number.isSafeInteger(checkpoint.size)) throw new LogError("malformed checkpoint");
  if (origin !== name) throw new LogError("a checkpoint of another log");
  return checkpoint;
}

/** Generation and cooperative of an origin line. @param {string} origin */
export function parseOrigin(origin) {
  const found = /^coopnode\/([a-z2-7]{52})\/(0|[1-9][0-9]{0,9})$/.exec(origin);
  if (!found) throw new LogError("malformed origin");
  return { cooperative: found[1], generation: Number(found[2]) };
}

const node = (left, right) => sha256(concat([1], left, right));

/** RFC 9162 §2.1.3.2. */
export function verifyInclusion(leaf, index, size, path, root) {
  if (!(Number.isSafeInteger(index) && Number.isSafeInteger(size) && 0 <= index && index < size)) return false;
  let [first, last] = [BigInt(index), BigInt(size - 1)];
  let result = leaf;
  for (const sibling of path) {
    if (last === 0n || sibling.length !== 32) return false;
    if (first & 1n || first === last) {
      result = node(sibling, result);
      while (!(first & 1n) && first) [first, last] = [first >> 1n, last >> 1n];
    } else result = node(result, sibling);
    [first, last] = [first >> 1n, last >> 1n];
  }
  return last === 0n && equal(result, root);
}

/** RFC 9162 §2.1.4.2. */
export function verifyConsistency(oldSize, oldRoot, newSize, newRoot, path) {
  if (!(0 <= oldSize && oldSize <= newSize) || path.some((item) => item.length !== 32)) return false;
  if (oldSize === newSize) return path.length === 0 && equal(oldRoot, newRoot);
  if (oldSize === 0) return path.length === 0 && equal(oldRoot, sha256(new Uint8Array()));
  let [first, last] = [BigInt(oldSize - 1), BigInt(newSize - 1)];
  while (first & 1n) [first, last] = [first >> 1n, last >> 1n];
  const hashes = [...path];
  const seed = first ? hashes.shift() : oldRoot;
  if (!seed) return false;
  let [before, after] = [seed, seed];
  for (const sibling of hashes) {
    if (last === 0n) return false;
    if (first & 1n || first === last) {
      before = node(sibling, before);
      after = node(sibling, after);
      while (!(first & 1n) && first) [first, last] = [first >> 1n, last >> 1n];
    } else after = node(after, sibling);
    [first, last] = [first >> 1n, last >> 1n];
  }
  return last === 0n && equal(before, oldRoot) && equal(after, newRoot);
}

/** C2SP tlog-proof as one text: index, path and the checkpoint note, none of it verified. @param {string} text */
export function parseProof(text) {
  const cut = text.indexOf("\n\n");
  const lines = text.slice(0, cut).split("\n");
  if (cut < 0 || lines.shift() !== "c2sp.org/tlog-proof@v1") throw new LogError("malformed proof");
  if (lines[0]?.startsWith("extra ")) lines.shift();
  const found = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? "");
  if (!found || lines.length > 63) throw new LogError("malformed proof");
  return { index: Number(found[1]), path: lines.map(fromBase64), note: text.slice(cut + 2) };
}

/**
 * The claim `seen` for a statement: fetches the head, verifies it against the largest this device knows, and remembers the larger one.
 * A smaller head than ours, another key or a broken prefix is a contradiction, never an inconvenience.
 *
 * @param {{origin: string, vkey: string}} log
 * @param {{checkpoint: () => Promise<string>, consistency: (from: number, to: number) => Promise<Uint8Array[]>}} ask
 * @param {{get: (origin: string) => Promise<any>, put: (record: any) => Promise<void>}} memory
 * @returns {Promise<[number, number, Uint8Array, Uint8Array]>}
 */
export async function seenClaim(log, ask, memory) {
  const { generation } = parseOrigin(log.origin);
  const known = await memory.get(log.origin);
  if (known && known.vkey !== log.vkey) throw new Contradiction("the log shows another key than before", { log, known: shown(known) });
  const note = await ask.checkpoint();
  const head = openCheckpoint(note, log.vkey);
  if (head.origin !== log.origin) throw new LogError("a checkpoint of another log");
  if (known) {
    const evidence = { now: note, before: known.note };
    if (head.size < known.size) throw new Contradiction("the log has become shorter", evidence);
    const path = head.size > known.size && known.size > 0 ? await ask.consistency(known.size, head.size) : [];
    if (!verifyConsistency(known.size, known.root, head.size, head.root, path)) {
      throw new Contradiction("the log has been rewritten", { ...evidence, path: path.map(base64) });
    }
  }
  await memory.put({ origin: log.origin, vkey: log.vkey, size: head.size, root: head.root, note, at: Math.floor(Date.now() / 1000) });
  return [generation, head.size, head.root, head.signature];
}

const shown = (record) => ({ vkey: record.vkey, note: record.note });

