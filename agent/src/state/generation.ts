import type { Generation } from "@windflow/proto/agent";

/** Negative when `a` is older than `b`. A restored control plane raises the term, so the term decides first. */
export function compareGenerations(a: Generation, b: Generation): number {
  const term = compare(a.term, b.term);
  return term === 0 ? compare(a.n, b.n) : term;
}

/** `term.n`. */
export function formatGeneration(generation: Generation): string {
  return `${generation.term}.${generation.n}`;
}

export function parseGeneration(text: string): Generation {
  const match = /^(\d+)\.(\d+)$/.exec(text);
  if (match === null) throw new SyntaxError(`"${text}" is no generation`);
  return { term: BigInt(match[1] ?? 0), n: BigInt(match[2] ?? 0) };
}

function compare(a: bigint, b: bigint): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
