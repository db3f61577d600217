import type { UnitOfWork } from "../platform/index.ts";

/** How stacks stand, from the one derivation of status; implemented by views. */
export interface StackFigures {
  /** By name, at most as many. */
  of(tx: UnitOfWork, limit: number): Promise<{ readonly stacks: readonly StackFigure[]; readonly isCut: boolean }>;
}

export interface StackFigure {
  readonly stackId: string;
  readonly name: string;
  /** Hosts by how they stand: "ok", "failed", … */
  readonly hosts: Readonly<Record<string, number>>;
}
