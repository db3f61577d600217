import { FixtureProblem } from "./fixture-router.ts";

interface Page {
  size?: string;
  token?: string;
}
const PAGE = 100;

export function paged<Row>(all: Row[], page: unknown): { rows: Row[]; nextPageToken: string; total: number } {
  const { size, token } = (page ?? {}) as Page;
  const from = Number(token ?? 0);
  const to = from + Number(size ?? PAGE);
  return { rows: all.slice(from, to), nextPageToken: to < all.length ? String(to) : "", total: all.length };
}
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
export const text = (value: unknown): string => (typeof value === "string" ? value : "");

export function found<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new FixtureProblem(404, "WF_NOT_FOUND", `There is no such ${what}.`);
  return value;
}
