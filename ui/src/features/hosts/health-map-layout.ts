import type { HealthMark } from "./health.ts";

/** One host of the map. */
export interface MapHost {
  id: string;
  name: string;
  mark: HealthMark;
  /** What it is grouped by; empty: it has none. */
  group: string;
}
export interface MapCell {
  host: MapHost;
  x: number;
  y: number;
}
export interface MapHead {
  text: string;
  count: number;
  x: number;
  y: number;
  width: number;
}
export interface MapLayout {
  cells: MapCell[];
  heads: MapHead[];
  /** Side of a cell in pixels. */
  size: number;
  height: number;
}
export const CELL_GAP_PX = 2;
/** Room for the name above a group, and between two groups. */
export const HEAD_PX = 24;
const GROUP_GAP_PX = 20;
/** A name of a group needs some width, however few its hosts are. */
const NARROWEST_GROUP_PX = 130;
/** Groups are this much wider than high. */
const ASPECT = 2.4;

/** Large enough to hit while there are few, small enough to see 10,000 at once. */
export function cellSize(hosts: number): number {
  if (hosts <= 120) return 22;
  if (hosts <= 600) return 16;
  return hosts <= 2_500 ? 12 : 9;
}

/** The hosts by their groups; those that have none come last. */
export function groupsOf(hosts: readonly MapHost[]): [string, MapHost[]][] {
  return [...Map.groupBy(hosts, (host) => host.group)].toSorted(([a], [b]) =>
    a === "" ? 1 : b === "" ? -1 : a.localeCompare(b),
  );
}

/** Places groups side by side on shelves, as many as the width has room for. */
export function layOut(groups: readonly [string, MapHost[]][], width: number): MapLayout {
  const total = groups.reduce((sum, [, hosts]) => sum + hosts.length, 0);
  const size = cellSize(total);
  const pitch = size + CELL_GAP_PX;
  const most = Math.max(1, Math.floor((width + CELL_GAP_PX) / pitch));
  const headPx = groups.length === 1 && groups[0]?.[0] === "" ? 0 : HEAD_PX;
  const layout: MapLayout = { cells: [], heads: [], size, height: 0 };
  let [left, top, shelf] = [0, 0, 0];
  for (const [text, hosts] of groups) {
    const columns = groups.length === 1 ? most : columnsOf(hosts.length, most, pitch);
    if (left > 0 && left + columns * pitch - CELL_GAP_PX > width)
      [left, top, shelf] = [0, top + shelf + GROUP_GAP_PX, 0];
    if (headPx > 0)
      layout.heads.push({ text, count: hosts.length, x: left, y: top, width: columns * pitch - CELL_GAP_PX });
    hosts.forEach((host, index) => {
      const x = left + (index % columns) * pitch;
      layout.cells.push({ host, x, y: top + headPx + Math.floor(index / columns) * pitch });
    });
    shelf = Math.max(shelf, headPx + Math.ceil(hosts.length / columns) * pitch);
    left += columns * pitch + GROUP_GAP_PX;
  }
  layout.height = top + shelf;
  return layout;
}

/** How many cells a group is wide; one that would leave less than half a shelf takes all of it. */
function columnsOf(hosts: number, most: number, pitch: number): number {
  const columns = Math.max(Math.ceil(Math.sqrt(hosts * ASPECT)), Math.ceil(NARROWEST_GROUP_PX / pitch));
  return columns > most / 2 ? most : columns;
}

/** Position of the cell at a point, -1 when there is none. */
export function cellAt({ cells, size }: MapLayout, x: number, y: number): number {
  const reach = size + CELL_GAP_PX;
  return cells.findIndex((cell) => x >= cell.x && x < cell.x + reach && y >= cell.y && y < cell.y + reach);
}

/** Where an arrow key leads: along the order, or to the nearest cell of the line above or below. */
export function cellBeside(layout: MapLayout, from: number, key: string): number {
  const { cells } = layout;
  const last = cells.length - 1;
  if (key === "Home") return 0;
  if (key === "End") return last;
  if (key === "ArrowRight") return Math.min(last, from + 1);
  if (key === "ArrowLeft") return Math.max(0, from - 1);
  const at = cells[from];
  if (at === undefined || (key !== "ArrowDown" && key !== "ArrowUp")) return from;
  const turn = key === "ArrowDown" ? 1 : -1;
  let [best, bestFar] = [from, Number.POSITIVE_INFINITY];
  cells.forEach((cell, index) => {
    const down = (cell.y - at.y) * turn;
    // A line is worth more than any distance to the side.
    const far = down * 10_000 + Math.abs(cell.x - at.x);
    if (down > 0 && far < bestFar) [best, bestFar] = [index, far];
  });
  return best;
}
