import { LabelExpression_Operator, type LabelExpression as LabelExpressionMessage } from "@windflow/proto/api";
import type { LabelExpression, LabelOperator } from "./model.ts";

const operators: Record<LabelOperator, LabelExpression_Operator> = {
  in: LabelExpression_Operator.OPERATOR_IN,
  "not-in": LabelExpression_Operator.OPERATOR_NOT_IN,
  exists: LabelExpression_Operator.OPERATOR_EXISTS,
  absent: LabelExpression_Operator.OPERATOR_ABSENT,
  equals: LabelExpression_Operator.OPERATOR_EQUALS,
};

export function expressionOf({ key, operator, values }: LabelExpressionMessage): LabelExpression {
  const known = (Object.keys(operators) as LabelOperator[]).find((name) => operators[name] === operator);
  if (known === undefined) throw new Error(`an expression passed validation with operator ${operator}`);
  return { key, operator: known, values };
}

export function expressionMessage({ key, operator, values }: LabelExpression): LabelExpressionMessage {
  return { key, operator: operators[operator], values: [...values] };
}
