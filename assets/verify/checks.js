// One document against its evidence: four checks that need no trust in the server that sent both. Pure; the page is main.js.

import { equal, fromBase64url, fromHex, isIdentifier } from "../signing/bytes.js";
import { documentDigest, leafHash, parseStatement, sigStructure } from "../signing/cose.js";
import { verify } from "../signing/ed25519.js";
import { openCheckpoint, parseOrigin, parseProof, verifyInclusion } from "../signing/log.js";

/** @typedef {"fingerprint" | "signature" | "checkpoint" | "inclusion"} Check */
export const CHECKS = /** @type {Check[]} */ (["fingerprint", "signature", "checkpoint", "inclusion"]);

/**
 * @param {{statement: string, proof: string, vkey: string}} evidence base64url of the statement, text of the tlog-proof, the log's verifier key
 * @param {string} fingerprint 64 hexadecimal digits, from the address of the page
 * @returns {{results: Record<Check, boolean>, facts: {index: number, size: number, origin: string} | null}}
 */
export function check(evidence, fingerprint) {
  const results = { fingerprint: false, signature: false, checkpoint: false, inclusion: false };
  const bytes = attempt(() => fromBase64url(evidence.statement));
  const statement = attempt(() => parseStatement(bytes));
  if (statement) {
    results.fingerprint = attempt(() => equal(documentDigest(statement.protected, statement.payloadBytes), fromHex(fingerprint))) ?? false;
    results.signature = verify(statement.kid, sigStructure(statement.protected, statement.payloadBytes), statement.signature);
  }
  const proof = attempt(() => parseProof(evidence.proof));
  const head = proof && attempt(() => openCheckpoint(proof.note, evidence.vkey));
  if (!head || !statement) return { results, facts: null };
  // A log's own documents name its cooperative; a person's key events are addressed to the person.
  const owner = attempt(() => parseOrigin(head.origin).cooperative);
  results.checkpoint = isIdentifier(owner) && (statement.aud === owner || statement.aud === statement.iss);
  results.inclusion = verifyInclusion(leafHash(bytes), proof.index, head.size, proof.path, head.root);
  return { results, facts: { index: proof.index, size: head.size, origin: head.origin } };
}

/** @template A @param {() => A} work @returns {A | null} */
function attempt(work) {
  try {
    return work();
  } catch {
    return null;
  }
}
