/** A remark on a text, at a 1-based line and column; 0 when the place is unknown. */
export interface EditorProblem {
  line: number;
  column: number;
  severity: "error" | "warning";
  text: string;
}
