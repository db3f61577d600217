import { invalid } from "./messages.ts";
import { sha256Hex } from "../platform/index.ts";

/** What a list method reads: from where, and how many. */
export interface Page {
  /** 1 to 500. */
  readonly size: number;
  /** The sort values of the last row of the page before; undefined for the first page. */
  readonly after: readonly (string | number | null)[] | undefined;
}

/** The filter and the order of a list: a token of another one is refused. */
export type PageQuery = Readonly<Record<string, string | number | boolean>>;

const DEFAULT_SIZE = 100;
const LARGEST_SIZE = 500;

/** Reads the page of a request. Throws WF_INVALID_ARGUMENT for a token that does not belong to this list. */
export function readPage(request: { size: number; token: string } | undefined, query: PageQuery): Page {
  const size = request === undefined || request.size === 0 ? DEFAULT_SIZE : Math.min(request.size, LARGEST_SIZE);
  if (request === undefined || request.token === "") return { size, after: undefined };
  return { size, after: decode(request.token, query) };
}

/**
 * The rows of the page and the token of the next. Give it one row more than the page's size, so that it knows whether
 * there is a next one.
 */
export function pageOf<Row>(
  rows: readonly Row[],
  page: Page,
  query: PageQuery,
  sortValues: (row: Row) => readonly (string | number | null)[],
): { rows: readonly Row[]; nextPageToken: string } {
  const shown = rows.slice(0, page.size);
  const last = shown.at(-1);
  const nextPageToken = rows.length > page.size && last !== undefined ? encode(sortValues(last), query) : "";
  return { rows: shown, nextPageToken };
}

const fingerprint = (query: PageQuery): string =>
  sha256Hex(JSON.stringify(Object.entries(query).sort(([a], [b]) => (a < b ? -1 : 1)))).slice(0, 16);

function encode(values: readonly (string | number | null)[], query: PageQuery): string {
  return Buffer.from(JSON.stringify([fingerprint(query), ...values])).toString("base64url");
}

function decode(token: string, query: PageQuery): (string | number | null)[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
  } catch {
    parsed = undefined;
  }
  const plain = (value: unknown): value is string | number | null =>
    value === null || typeof value === "string" || typeof value === "number";
  if (!Array.isArray(parsed) || parsed[0] !== fingerprint(query) || !parsed.every(plain)) {
    throw invalid([{ path: "page.token", message: "belongs to another list: begin with the first page" }]);
  }
  return parsed.slice(1);
}
