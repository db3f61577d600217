import { expressionViolations, type LabelExpression } from "../placement/index.ts";

// What a host says of itself would let it choose what holds for it.
const FACT = /^fact\//;

/** What is wrong with expressions that may go by labels alone. @param what e.g. "a window" */
export function labelViolations(
  expressions: readonly LabelExpression[],
  what: string,
): { path: string; message: string }[] {
  return expressions.flatMap((expression, i) => {
    const path = `rule.expressions[${i}]`;
    const message = `${what} goes by labels that people gave, not by what hosts report of themselves`;
    return FACT.test(expression.key) ? [{ path: `${path}.key`, message }] : expressionViolations(expression, path);
  });
}
