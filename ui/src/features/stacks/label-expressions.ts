import type { LabelExpression, LabelExpression_Operator } from "@windflow/proto/client";

export type OperatorWord = "in" | "notIn" | "exists" | "absent" | "equals";
const WORDS: Record<LabelExpression_Operator, OperatorWord> = {
  OPERATOR_UNSPECIFIED: "equals",
  OPERATOR_IN: "in",
  OPERATOR_NOT_IN: "notIn",
  OPERATOR_EXISTS: "exists",
  OPERATOR_ABSENT: "absent",
  OPERATOR_EQUALS: "equals",
};
export const OPERATORS: Record<OperatorWord, LabelExpression_Operator> = {
  equals: "OPERATOR_EQUALS",
  in: "OPERATOR_IN",
  notIn: "OPERATOR_NOT_IN",
  exists: "OPERATOR_EXISTS",
  absent: "OPERATOR_ABSENT",
};
export const operatorWord = (expression: LabelExpression): OperatorWord =>
  WORDS[expression.operator ?? "OPERATOR_UNSPECIFIED"];
export const takesValues = (word: OperatorWord): boolean => word !== "exists" && word !== "absent";

/** The expression with another operator; values that it cannot have are left out. */
export function withOperator(expression: LabelExpression, word: OperatorWord): LabelExpression {
  const values = expression.values ?? [];
  const kept = takesValues(word) ? (word === "equals" ? values.slice(0, 1) : values) : [];
  return { ...expression, operator: OPERATORS[word], values: kept };
}
export function expressionFault(expression: LabelExpression): "key" | "values" | undefined {
  if ((expression.key ?? "").trim() === "") return "key";
  const word = operatorWord(expression);
  return takesValues(word) && (expression.values ?? []).length === 0 ? "values" : undefined;
}
/** As people write it: "site in (paris, lyon)". */
export function expressionText(expression: LabelExpression): string {
  const key = expression.key ?? "";
  const values = expression.values ?? [];
  switch (operatorWord(expression)) {
    case "in":
      return `${key} in (${values.join(", ")})`;
    case "notIn":
      return `${key} not in (${values.join(", ")})`;
    case "exists":
      return key;
    case "absent":
      return `!${key}`;
    case "equals":
      return `${key}=${values[0] ?? ""}`;
  }
}
/** Values as they are typed, with commas between. */
export const typedValues = (text: string): string[] =>
  text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");

/** Whether the labels of a host meet the expression. What hosts report of themselves ("fact/…") is not known here, and is taken to. */
export function holds(expression: LabelExpression, labels: Record<string, string>): boolean {
  const key = expression.key ?? "";
  if (key === "" || key.startsWith("fact/")) return true;
  const value = labels[key];
  const values = expression.values ?? [];
  switch (operatorWord(expression)) {
    case "in":
    case "equals":
      return value !== undefined && values.includes(value);
    case "notIn":
      return value === undefined || !values.includes(value);
    case "exists":
      return value !== undefined;
    case "absent":
      return value === undefined;
  }
}
