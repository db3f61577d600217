export interface Column {
  key: string;
  label: string;
  /** A track of grid-template-columns. */
  width?: string;
  /** The name that the server sorts by. */
  sort?: string;
  align?: "end";
  /** Left out when the table is narrower than this size. */
  hide?: "s" | "m" | "l";
}
