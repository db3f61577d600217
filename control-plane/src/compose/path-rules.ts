import type { KeyPath } from "./problem.ts";

/** A tree of patterns: `*` stands for any key and for every item of a list. */
export interface PathRules<T> {
  readonly rule?: T;
  readonly below: ReadonlyMap<string, PathRules<T>>;
}

interface Growing<T> {
  rule?: T;
  below: Map<string, Growing<T>>;
}

/** Builds the tree from lines such as `services.*.ports.*`. */
export function pathRules<T>(lines: Readonly<Record<string, T>>): PathRules<T> {
  const root: Growing<T> = { below: new Map() };
  for (const [pattern, rule] of Object.entries(lines)) {
    let place = root;
    for (const part of pattern.split(".")) {
      const next = place.below.get(part) ?? { below: new Map<string, Growing<T>>() };
      place.below.set(part, next);
      place = next;
    }
    place.rule = rule;
  }
  return root;
}

/** The rules for a member; undefined when none lie at or below it, so that a walk can stop there. */
export function rulesFor<T>(rules: PathRules<T> | undefined, part: string | number): PathRules<T> | undefined {
  if (rules === undefined) return undefined;
  const exact = typeof part === "string" ? rules.below.get(part) : undefined;
  return exact ?? rules.below.get("*");
}

/** The rules at a path. */
export function rulesAt<T>(rules: PathRules<T>, path: KeyPath): PathRules<T> | undefined {
  let place: PathRules<T> | undefined = rules;
  for (const part of path) place = rulesFor(place, part);
  return place;
}
