import type { HostPresence } from "../hosts/index.ts";
import type { UnitOfWork } from "../platform/index.ts";

/** What is told of hosts and stacks beside their figures; implemented by views from the one derivation of status. */
export interface FleetHealth {
  of(
    tx: UnitOfWork,
    query: {
      readonly organizationId: string;
      readonly hosts: readonly { readonly hostId: string; readonly presence: HostPresence }[];
      readonly mostStacks: number;
    },
  ): Promise<FleetHealthFigures>;
}

export interface FleetHealthFigures {
  readonly hosts: readonly {
    readonly hostId: string;
    /** One of `healths`. */
    readonly health: string;
    readonly stacksDrifted: number;
    readonly stacksHeld: number;
  }[];
  readonly healths: readonly string[];
  /** By name; at most as many as were asked for. */
  readonly stacks: readonly {
    readonly stackId: string;
    readonly name: string;
    /** Hosts by how they stand: "ok", "failed", … */
    readonly hosts: Readonly<Record<string, number>>;
  }[];
  /** Whether there are more. */
  readonly isCut: boolean;
}
