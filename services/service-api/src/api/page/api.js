/** The HTTP API: requests with the session's CSRF token, ETags, and problems in words. */

const PREFIX = "/api/v1";

/** @type {string | null} */
let csrfToken = null;

/** An answer that is no success. status: of HTTP, 0 where no answer came. slug: the kind of problem. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {string} slug
   * @param {string} detail
   * @param {Record<string, any>} [more] further members of the answer
   */
  constructor(status, slug, detail, more = {}) {
    super(detail);
    this.status = status;
    this.slug = slug;
    this.more = more;
  }
}

/** @param {string | null} token sent with every write, null where none is needed */
export function useCsrfToken(token) {
  csrfToken = token;
}

/**
 * The address of a resource.
 *
 * @param {string} path below /api/v1, with a slash before it
 * @param {Record<string, string | number | string[] | number[] | null | undefined>} [query]
 */
export function address(path, query = {}) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined) words.append(name, String(each));
    }
  }
  const text = words.toString();
  return PREFIX + path + (text ? `?${text}` : "");
}

/**
 * Sends a request, and answers with the response where it is a success. Raises Problem.
 *
 * @param {string} method
 * @param {string} url as `address` makes it
 * @param {{ json?: unknown, body?: BodyInit, headers?: Record<string, string>, signal?: AbortSignal }} [given]
 * @returns {Promise<Response>}
 */
export async function send(method, url, { json, body, headers = {}, signal } = {}) {
  /** @type {Record<string, string>} */
  const all = { ...writeHeaders(method), ...headers };
  if (json !== undefined) all["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(url, {
      method,
      headers: all,
      body: json === undefined ? body : JSON.stringify(json),
      signal: signal ?? null,
      credentials: "same-origin",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, "offline", "LaxAI does not answer. Is it still running, and is the network there?");
  }
  if (response.ok) return response;
  throw await problemOf(response);
}

/**
 * What a write has to say beside its content.
 *
 * @param {string} method
 * @returns {Record<string, string>}
 */
export function writeHeaders(method) {
  return csrfToken !== null && method !== "GET" && method !== "HEAD" ? { "X-CSRF-Token": csrfToken } : {};
}

/**
 * @param {string} path
 * @param {Parameters<typeof address>[1]} [query]
 * @returns {Promise<any>} the JSON of the answer
 */
export async function get(path, query) {
  return (await send("GET", address(path, query))).json();
}

/**
 * @param {string} path
 * @param {Parameters<typeof address>[1]} [query]
 * @returns {Promise<{ content: any, etag: string }>} the JSON of the answer, and what a change is to be made for
 */
export async function getWithEtag(path, query) {
  const response = await send("GET", address(path, query));
  return { content: await response.json(), etag: response.headers.get("ETag") ?? "" };
}

/**
 * @param {string} path
 * @param {unknown} [json]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>} the JSON of the answer
 */
export async function post(path, json, headers) {
  return (await send("POST", address(path), { json, headers })).json();
}

/**
 * All items of a list that comes in pages.
 *
 * @param {string} path
 * @param {Parameters<typeof address>[1]} [query]
 * @returns {Promise<any[]>}
 */
export async function getAll(path, query = {}) {
  const items = [];
  let following = null;
  do {
    const page = await get(path, { ...query, limit: 200, following });
    items.push(...page.items);
    following = page.following;
  } while (following !== null);
  return items;
}

/**
 * @param {string} text of an answer that is no success
 * @param {number} status
 * @returns {Problem}
 */
export function readProblem(text, status) {
  try {
    const said = JSON.parse(text);
    return new Problem(status, String(said.type).split(":").pop() ?? "", said.detail ?? said.title, said);
  } catch {
    return new Problem(status, "unknown", `LaxAI answered with an error (${status}).`);
  }
}

/** @param {Response} response */
async function problemOf(response) {
  const problem = readProblem(await response.text(), response.status);
  if (problem.status === 401) window.dispatchEvent(new Event("key-needed"));
  return problem;
}
