import { themeColor } from "../../kit/theme-color.ts";
import { HEALTH_MARKS, type HealthMark } from "./health.ts";
import { HEAD_PX, type MapLayout } from "./health-map-layout.ts";

const COLORS: Record<HealthMark, string> = {
  failed: "--bad-dot",
  unknown: "--text-3",
  inProgress: "--busy-dot",
  drifted: "--warn-dot",
  ok: "--ok-dot",
  empty: "--idle-dot",
};
const HEAD_FONT = "600 12px Inter Variable, system-ui";
const COUNT_FONT = "11px Inter Variable, system-ui";

/** Draws the map. Each mark has a shape of its own besides its colour: one in twelve men cannot tell red from green. */
export function drawMap(
  canvas: HTMLCanvasElement,
  layout: MapLayout,
  width: number,
  show: (count: number) => string,
): void {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(layout.height * ratio));
  const pen = canvas.getContext("2d");
  if (pen === null) return;
  pen.scale(ratio, ratio);
  drawHeads(pen, layout, show);
  const inside = themeColor("--surface");
  for (const mark of HEALTH_MARKS) {
    const cells = layout.cells.filter((cell) => cell.host.mark === mark);
    if (cells.length === 0) continue;
    const color = themeColor(COLORS[mark]);
    for (const { x, y } of cells) drawCell(pen, { mark, x, y, size: layout.size, color, inside });
  }
}

function drawHeads(pen: CanvasRenderingContext2D, { heads }: MapLayout, show: (count: number) => string): void {
  const [strong, weak] = [themeColor("--text"), themeColor("--text-3")];
  pen.textBaseline = "top";
  for (const head of heads) {
    pen.font = HEAD_FONT;
    pen.fillStyle = strong;
    const count = show(head.count);
    const text = shortened(pen, head.text === "" ? "–" : head.text, head.width - count.length * 7 - 10);
    pen.fillText(text, head.x, head.y + (HEAD_PX - 20) / 2);
    const after = head.x + pen.measureText(text).width + 7;
    pen.font = COUNT_FONT;
    pen.fillStyle = weak;
    pen.fillText(count, after, head.y + (HEAD_PX - 19) / 2);
  }
}
function shortened(pen: CanvasRenderingContext2D, text: string, width: number): string {
  let shown = text;
  while (shown.length > 1 && pen.measureText(shown).width > width) shown = `${shown.slice(0, -2)}…`;
  return shown;
}

interface Cell {
  mark: HealthMark;
  x: number;
  y: number;
  size: number;
  color: string;
  /** The colour of the ground, for what is cut out of a cell. */
  inside: string;
}
export function drawCell(pen: CanvasRenderingContext2D, { mark, x, y, size, color, inside }: Cell): void {
  const inset = Math.max(2, Math.round(size * 0.28));
  pen.fillStyle = color;
  pen.strokeStyle = color;
  pen.lineWidth = Math.max(1, size / 9);
  if (mark === "unknown") {
    // Hollow: nothing is known of what is inside.
    pen.strokeRect(x + pen.lineWidth / 2, y + pen.lineWidth / 2, size - pen.lineWidth, size - pen.lineWidth);
    return;
  }
  if (mark === "empty") {
    pen.globalAlpha = 0.55;
    pen.fillRect(x + inset, y + inset, size - 2 * inset, size - 2 * inset);
    pen.globalAlpha = 1;
    return;
  }
  pen.fillRect(x, y, size, size);
  pen.fillStyle = inside;
  pen.strokeStyle = inside;
  pen.lineWidth = Math.max(1.2, size / 8);
  pen.beginPath();
  if (mark === "failed") {
    pen.moveTo(x + inset, y + inset);
    pen.lineTo(x + size - inset, y + size - inset);
    pen.moveTo(x + size - inset, y + inset);
    pen.lineTo(x + inset, y + size - inset);
    pen.stroke();
  } else if (mark === "inProgress") {
    pen.fillRect(x + inset, y + inset, size - 2 * inset, size - 2 * inset);
  } else if (mark === "drifted") {
    pen.moveTo(x + size / 2, y + size);
    pen.lineTo(x + size, y + size / 2);
    pen.lineTo(x + size, y + size);
    pen.fill();
  }
}
