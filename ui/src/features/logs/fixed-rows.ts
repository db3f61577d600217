/** Browsers stop at 16 to 33 million pixels; beyond this the scroll bar stands for more than one pixel a pixel. */
export const TALLEST_PX = 8_000_000;

export interface FixedRows {
  count: number;
  rowPx: number;
  viewPx: number;
}
/** Height of what is scrolled, in pixels. */
export function scrolledPx({ count, rowPx }: FixedRows): number {
  return Math.min(count * rowPx, TALLEST_PX);
}
/** Pixels of rows above the view for a scroll position; exact at both ends. */
export function rowsAbovePx(rows: FixedRows, scrollTop: number): number {
  const scrollable = scrolledPx(rows) - rows.viewPx;
  const hidden = rows.count * rows.rowPx - rows.viewPx;
  if (scrollable <= 0 || hidden <= 0) return 0;
  return Math.min(1, scrollTop / scrollable) * hidden;
}
/** The scroll position that brings a row to the middle of the view. */
export function scrollTopOf(rows: FixedRows, index: number): number {
  const scrollable = scrolledPx(rows) - rows.viewPx;
  const hidden = rows.count * rows.rowPx - rows.viewPx;
  if (scrollable <= 0 || hidden <= 0) return 0;
  const wanted = Math.min(hidden, Math.max(0, index * rows.rowPx - rows.viewPx / 2));
  return (wanted / hidden) * scrollable;
}
