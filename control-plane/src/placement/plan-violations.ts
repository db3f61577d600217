import { FACT_PREFIX, type LabelExpression, type Placement } from "./model.ts";

export interface PlacementViolation {
  /** As in the API's message. */
  readonly path: string;
  readonly message: string;
}

const LONGEST_LABEL = 255;

/** What is wrong with a placement that a person wrote, beyond the bounds of each field. */
export function placementViolations(placement: Placement): PlacementViolation[] {
  const { matchLabels, expressions, preferences } = placement;
  return [
    ...Object.entries(matchLabels).flatMap(([key, value]) => labelViolations(key, value)),
    ...expressions.flatMap((one, i) => expressionViolations(one, `placement.expressions[${i}]`)),
    ...preferences.flatMap(({ expression }, i) =>
      expressionViolations(expression, `placement.preferences[${i}].expression`),
    ),
    ...strategyViolations(placement),
  ];
}

function labelViolations(key: string, value: string): PlacementViolation[] {
  if (key !== "" && key !== FACT_PREFIX && key.length <= LONGEST_LABEL && value.length <= LONGEST_LABEL) return [];
  const path = `placement.matchLabels[${JSON.stringify(key)}]`;
  const message = `a label has a name, and at most ${LONGEST_LABEL} characters in its name and in its value`;
  return [{ path, message }];
}

/** @param path of the expression, as in the API's message */
export function expressionViolations({ key, operator, values }: LabelExpression, path: string): PlacementViolation[] {
  if (key === FACT_PREFIX) return [{ path: `${path}.key`, message: "a fact has a name after fact/" }];
  const valuesPath = `${path}.values`;
  switch (operator) {
    case "exists":
    case "absent":
      return values.length === 0 ? [] : [{ path: valuesPath, message: `${operator} takes no value` }];
    case "equals":
      return values.length === 1 ? [] : [{ path: valuesPath, message: "equals takes one value" }];
    case "in":
    case "not-in":
      return values.length > 0 ? [] : [{ path: valuesPath, message: `${operator} takes at least one value` }];
  }
}

function strategyViolations({ strategy, replicas, spreadBy }: Placement): PlacementViolation[] {
  const violations: PlacementViolation[] = [];
  if (strategy === "all" && replicas > 0)
    violations.push({ path: "placement.replicas", message: "a number of hosts belongs to spread or binpack" });
  if (strategy !== "all" && replicas < 1)
    violations.push({ path: "placement.replicas", message: `${strategy} wants at least one host` });
  if (strategy !== "spread" && spreadBy !== "")
    violations.push({ path: "placement.spreadBy", message: "only spread spreads over a label" });
  return violations;
}
