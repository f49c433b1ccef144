// Commitments to private fields (SPEC §5, P20). The salts are made here, on the signer's device, one for each field.

import { concat, random, sha256 } from "./bytes.js";
import { encode } from "./cbor.js";

const LABEL = "coopnode/private/0";

/** @param {string} type @param {string} field @param {Uint8Array} salt @param {any} value */
export const leaf = (type, field, salt, value) => sha256(concat([0], encode([LABEL, type, field, salt, value])));

/** RFC 9162 root of leaf hashes; an odd last one moves up unchanged. @param {Uint8Array[]} leaves */
export function merkleRoot(leaves) {
  if (!leaves.length) return sha256(new Uint8Array());
  let row = leaves;
  while (row.length > 1) {
    const above = [];
    for (let at = 0; at < row.length; at += 2) above.push(at + 1 < row.length ? sha256(concat([1], row[at], row[at + 1])) : row[at]);
    row = above;
  }
  return row[0];
}

/**
 * @param {string} type
 * @param {string[]} fields of the registry, in its order
 * @param {{[field: string]: any}} values
 * @param {(length: number) => Uint8Array} [salt]
 */
export function commit(type, fields, values, salt = random) {
  const unknown = Object.keys(values).find((name) => !fields.includes(name));
  if (unknown !== undefined) throw new Error(`private field ${unknown} is not in the registry`);
  const record = { fields: Object.create(null), decoys: Object.create(null) };
  for (const name of fields) {
    if (Object.hasOwn(values, name)) record.fields[name] = { salt: salt(32), value: values[name] };
    else record.decoys[name] = salt(32); // a decoy looks like any other leaf
  }
  return { root: rootOf(type, fields, record), record };
}

/** @param {string} type @param {string[]} fields @param {any} record */
export function rootOf(type, fields, record) {
  return merkleRoot(
    fields.map((name) => (name in record.decoys ? record.decoys[name] : leaf(type, name, record.fields[name].salt, record.fields[name].value))),
  );
}
