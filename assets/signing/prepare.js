// From a request to the very bytes that will be signed: header claims, nonce, salts and proofs are made here, on the signer's device.

import { equal, fromBase64url, fromHex, isIdentifier, random, sha256 } from "./bytes.js";
import { decode, encode } from "./cbor.js";
import { commit } from "./commitments.js";
import { assemble, documentDigest, parseParts, parseStatement, sigStructure, statementHeader } from "./cose.js";
import { invitationProof, placeInvitations } from "./invitations.js";
import { accountOf, genesisPayload, sign } from "./keys.js";
import { PageError, fromJson } from "./request.js";

/** The page's own limit on `exp` (P2); the protocol allows a day. */
const LIFETIME = 15 * 60;
/** Older drafts are made anew before signing, lest they expire on their way. */
export const FRESH_SECONDS = 10 * 60;

/**
 * @typedef {object} Draft
 * @property {number} place of the item in the request
 * @property {import("./request.js").Item} item
 * @property {Uint8Array} protected
 * @property {Uint8Array} payload
 * @property {Uint8Array} digest
 * @property {Omit<import("./cose.js").Statement, "signature">} shown decoded from the two byte strings above
 * @property {Uint8Array | null} record private record of SPEC §5, encoded
 * @property {{[field: string]: any}} opened its values, decoded from those bytes
 */

/**
 * @param {import("./request.js").SigningRequest} request
 * @param {import("./keys.js").KeyRecord} key
 * @param {{account: string, registry: any, seen: any, invitation: Uint8Array | null, made?: import("./invitations.js").Made[], skip?: Set<number>, tell?: (done: number) => Promise<void>}} with_
 * @returns {Promise<Draft[]>}
 */
export async function prepare(request, key, { account, registry, seen, invitation, made = [], skip = new Set(), tell = async () => {} }) {
  const drafts = [];
  for (const [place, item] of request.items.entries()) {
    if (!skip.has(place)) drafts.push(await draft(place, item, key, { account, registry, seen, invitation, made }));
    if (place % 25 === 24) await tell(place + 1);
  }
  return drafts;
}

/** The account that signs: that of the genesis in this request, or the one the request and the key agree on. */
export function signer(request, key) {
  const genesis = request.items.find((item) => item.type === "account.genesis/1");
  if (genesis) return accountOf(key, genesis.home);
  const account = key.account ?? (request.cooperative && accountOf(key, key.home ?? request.cooperative.id));
  if (!account || (request.account && request.account !== account)) throw new PageError("other_account");
  return account;
}

async function draft(place, item, key, { account, registry, seen, invitation, made }) {
  const fields = await payloadFields(item, key, account, invitation);
  placeInvitations(fields, made.filter((each) => each.item === place));
  const names = privateFields(item, registry);
  let record = null;
  if (names.length) {
    const values = Object.fromEntries(Object.entries(item.private ?? {}).filter(([, value]) => value !== null));
    const made = commit(item.type, names, fromJson(values));
    fields.private = made.root;
    record = encode(made.record, 2 ** 24);
  }
  const self = (name) => (name === "self" ? account : name);
  const [sub, aud] = [self(item.sub), self(item.aud)];
  if (!isIdentifier(sub) || !isIdentifier(aud)) throw new PageError("bad_request");
  if (item.seen && !seen) throw new PageError("seen_unavailable");
  const iat = Math.floor(Date.now() / 1000);
  const protectedHeader = statementHeader({
    kid: key.pub, iss: account, sub, aud, iat, exp: iat + LIFETIME, cti: random(16),
    seen: item.seen ? seen : null,
    onBehalf: item.for ? [item.for[0], fromBase64url(item.for[1])] : null,
  });
  const payload = encode(fields);
  return {
    place, item, protected: protectedHeader, payload, record,
    digest: documentDigest(protectedHeader, payload),
    shown: parseParts(protectedHeader, payload),
    opened: record ? openedValues(decode(record, 2 ** 24)) : Object.create(null),
  };
}

async function payloadFields(item, key, account, invitation) {
  if (item.type === "account.genesis/1") return genesisPayload(key, item.home ?? "");
  let fields;
  try {
    fields = decode(fromBase64url(item.payload ?? ""));
  } catch {
    throw new PageError("bad_request");
  }
  // The server cannot have made these: a commitment needs our salts, a proof needs our account.
  if (fields.type !== item.type || "private" in fields) throw new PageError("bad_request");
  if (item.proof) {
    if (!invitation) throw new PageError("no_invitation");
    fields.proof = invitationProof(item.proof, invitation, account);
  }
  return fields;
}

/** The registry in this page's own files decides; the request may only agree. */
function privateFields(item, registry) {
  const asked = item.private_fields ?? [];
  const known = registry.types[item.type]?.fields.filter((field) => field.private).map((field) => field.name);
  if (known && (known.length !== asked.length || known.some((name, place) => name !== asked[place]))) throw new PageError("other_version");
  return asked;
}

function openedValues(record) {
  return Object.fromEntries(Object.entries(record.fields).map(([name, { value }]) => [name, value]));
}

/** @param {Draft} draft @param {import("./keys.js").KeyRecord} key */
export async function signDraft(draft, key) {
  const signature = await sign(key.handle, sigStructure(draft.protected, draft.payload));
  return assemble(draft.protected, draft.payload, signature);
}

/**
 * A text to be read. Its bytes must have the digest of the request; `bound` says whether that digest is also part of what is signed, itself
 * or by way of the statement that adopted the text.
 */
export async function fetchText(main, given, draft) {
  const data = await main.bytes(given.url);
  const digest = sha256(data);
  if (!equal(digest, fromHex(given.sha256))) throw new PageError("text_changed", { title: given.title });
  let bound = holds(draft.shown.payload, digest);
  if (!bound && given.statement) {
    const adopted = parseStatement(fromBase64url(given.statement));
    bound = holds(draft.shown.payload, documentDigest(adopted.protected, adopted.payloadBytes)) && holds(adopted.payload, digest);
  }
  return { title: given.title, digest, bound, data };
}

/** Whether a digest stands anywhere in a decoded payload. */
function holds(value, digest) {
  if (value instanceof Uint8Array) return equal(value, digest);
  return typeof value === "object" && value !== null && Object.values(value).some((item) => holds(item, digest));
}
