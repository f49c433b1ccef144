// What the main site may ask, and nothing else: this origin works for the one main origin named in its own /config.json (P28). The token
// stands behind `#`, so it is in no request line and no referrer.

import { fromBase64url, isIdentifier } from "./bytes.js";

/** A refusal that has words in i18n under `error.<code>`. */
export class PageError extends Error {
  /** @param {string} code @param {{[name: string]: string}} [facts] */
  constructor(code, facts = {}) {
    super(code);
    this.code = code;
    this.facts = facts;
  }
}

/** An answer of the main site other than success. */
export class Problem extends PageError {
  constructor(status, body) {
    super(typeof body?.code === "string" ? body.code : `http_${status}`);
    this.status = status;
    this.words = [body?.title, body?.detail].filter((words) => typeof words === "string" && words);
  }
}

/** No answer at all. */
export class Unreachable extends PageError {
  constructor() {
    super("unreachable");
  }
}

/** @param {string} hash */
export function parseFragment(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  return { token: given.get("r"), main: given.get("m"), language: given.get("l"), invitation: given.get("i"), page: given.get("p"), account: given.get("a") };
}

/** @returns {Promise<string>} the pinned main origin */
export async function pinnedMain() {
  const config = await (await fetch("/config.json", { cache: "no-store", credentials: "omit" })).json();
  return new URL(config.main).origin;
}

/** The main site as this origin sees it. */
export class Main {
  /** @param {string} origin */
  constructor(origin) {
    this.origin = origin;
  }

  /** A path of the main origin; anything that leaves it is refused. @param {string} path */
  url(path) {
    if (typeof path !== "string" || !path.startsWith("/")) throw new PageError("bad_request");
    const url = new URL(path, this.origin);
    if (url.origin !== this.origin) throw new PageError("bad_request");
    return url.href;
  }

  /** @param {string} path @param {RequestInit} [options] */
  async ask(path, options = {}) {
    const url = this.url(path);
    let response;
    try {
      const fixed = { mode: "cors", credentials: "omit", cache: "no-store", redirect: "error", referrerPolicy: "no-referrer" };
      response = await fetch(url, { ...options, .../** @type {RequestInit} */ (fixed) });
    } catch {
      throw new Unreachable();
    }
    if (response.ok) return response;
    throw new Problem(response.status, await response.json().catch(() => null));
  }

  async json(path) {
    return (await this.ask(path)).json();
  }

  async bytes(path) {
    return new Uint8Array(await (await this.ask(path)).arrayBuffer());
  }

  async post(path, body) {
    return (await this.ask(path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } })).json();
  }
}

/**
 * @typedef {object} Item
 * @property {string} type
 * @property {string} [payload] base64url of the CBOR map without `private`; absent for account.genesis/1
 * @property {string} [home] for account.genesis/1
 * @property {string} sub
 * @property {string} aud
 * @property {{[field: string]: any} | null} [private]
 * @property {string[] | null} [private_fields]
 * @property {boolean} [seen]
 * @property {{title: string, url: string, sha256: string, statement?: string}[]} [texts]
 * @property {string} [consequence]
 * @property {{digest: string, index: number, kid: string}} [proof] the page adds `proof`: the invitation key signs for this account (SPEC §6.2)
 * @property {{path: (string | number)[], label: string}[]} [invitations] the page makes a key for each place (invitations.js)
 * @property {[string, string]} [for] organisation id and base64url of the authority's digest
 *
 * @typedef {object} SigningRequest
 * @property {{id: string, name: string} | null} cooperative
 * @property {string} locale
 * @property {string | null} zone of the cooperative's clock, as the time zone database names it; null while nothing is known of it
 * @property {string} return
 * @property {string} cancel
 * @property {"sign" | "create_key" | "login"} purpose
 * @property {string | null} account
 * @property {string | null} challenge
 * @property {Item[]} items
 * @property {boolean} [finished] reported already: the items are erased
 * @property {{origin: string, vkey: string, node_key?: string, checkpoint: string, consistency: string} | null} log
 */

/** Fetches the request and checks its form. @param {Main} main @param {string} token @returns {Promise<SigningRequest>} */
export async function loadRequest(main, token) {
  const request = await main.json(`/api/v1/signing/${encodeURIComponent(token)}`);
  const items = request.items ?? [];
  const wellFormed =
    ["sign", "create_key", "login"].includes(request.purpose) &&
    Array.isArray(items) &&
    (request.purpose !== "sign" || items.length > 0 || request.finished === true) &&
    (request.cooperative === null || (isIdentifier(request.cooperative.id) && typeof request.cooperative.name === "string")) &&
    (request.account === null || request.account === undefined || isIdentifier(request.account)) &&
    (request.zone === null || request.zone === undefined || typeof request.zone === "string");
  if (!wellFormed) throw new PageError("bad_request");
  main.url(request.return);
  main.url(request.cancel);
  return { ...request, items, account: request.account ?? null, zone: request.zone ?? null, challenge: request.challenge ?? null, log: request.log ?? null };
}

/** JSON has no byte strings: `{"$bytes": base64url}` stands for one. @param {any} value @returns {any} */
export function fromJson(value) {
  if (Array.isArray(value)) return value.map(fromJson);
  if (value === null || typeof value !== "object") return value;
  if (Object.keys(value).length === 1 && typeof value.$bytes === "string") return fromBase64url(value.$bytes);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fromJson(item)]));
}
