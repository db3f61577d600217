import { FACT_PREFIX, type LabelExpression, type Placement, type PlacementHost } from "./model.ts";

type Labelled = Pick<PlacementHost, "labels" | "facts">;

/** True when something in the placement reads what hosts say of themselves: such a stack may have no secrets. */
export function usesFacts(placement: Placement): boolean {
  const { matchLabels, expressions, preferences, spreadBy } = placement;
  const keys = [
    ...Object.keys(matchLabels),
    ...expressions.map(({ key }) => key),
    ...preferences.map(({ expression }) => expression.key),
    spreadBy,
  ];
  return keys.some((key) => key.startsWith(FACT_PREFIX));
}

/** True when the placement selects the host, before any expression. */
export function isSelected(placement: Placement, host: PlacementHost, hasSecrets: boolean): boolean {
  const { allHosts, hostIds, matchLabels, expressions } = placement;
  if (allHosts || hostIds.includes(host.hostId)) return true;
  const labels = Object.entries(matchLabels);
  if (labels.length === 0) return hostIds.length === 0 && expressions.length > 0;
  return labels.every(([key, value]) => labelOf(host, key, hasSecrets) === value);
}

/** A fact satisfies nothing for a stack with secrets, whatever the operator. */
export function holds(expression: LabelExpression, host: Labelled, hasSecrets: boolean): boolean {
  const { key, operator, values } = expression;
  if (hasSecrets && key.startsWith(FACT_PREFIX)) return false;
  const value = labelOf(host, key, hasSecrets);
  switch (operator) {
    case "exists":
      return value !== undefined;
    case "absent":
      return value === undefined;
    case "in":
    case "equals":
      return value !== undefined && values.includes(value);
    case "not-in":
      return value === undefined || !values.includes(value);
  }
}

// A host could report any fact, also the one that would bring it the secrets of others.
export function labelOf(host: Labelled, key: string, hasSecrets: boolean): string | undefined {
  const source = key.startsWith(FACT_PREFIX) ? (hasSecrets ? {} : host.facts) : host.labels;
  return Object.hasOwn(source, key) ? source[key] : undefined;
}

export function formatExpression({ key, operator, values }: LabelExpression): string {
  switch (operator) {
    case "exists":
      return key;
    case "absent":
      return `!${key}`;
    case "equals":
      return `${key}=${values.join()}`;
    case "in":
    case "not-in":
      return `${key} ${operator} (${values.join(", ")})`;
  }
}
