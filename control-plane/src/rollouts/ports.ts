import type { ProbeResult, ServiceStatus } from "@windflow/proto/api";
import type { PublishedPort } from "../placement/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import type { Generation, HostView } from "./model.ts";
import type { MetricCondition } from "./strategy.ts";

/** What placement asks of what hosts reported; implemented by views/, which may look into every domain. */
export interface PlacementSight {
  /** Hosts that had containers of the stack when they were last heard of. */
  hostsRunning(tx: UnitOfWork, stackId: string): Promise<string[]>;
  /** What the hosts had taken of their desired states when they last reported; absent while that is not known. */
  generationsOf(tx: UnitOfWork, hostIds: readonly string[]): Promise<Map<string, Generation>>;
  /** Ports of the hosts that containers of others than the stack publish. */
  publishedPorts(
    tx: UnitOfWork,
    stackId: string,
    hostIds: readonly string[],
  ): Promise<(PublishedPort & { readonly hostId: string })[]>;
}

/** What is known of hosts with regard to one stack. */
export interface RolloutSight extends PlacementSight {
  /** A host that is not there any more has reach "gone". Windows and conditions are left out. */
  viewsOf(tx: UnitOfWork, stackId: string, hostIds: readonly string[]): Promise<Map<string, HostView>>;
  /** What the hosts report of the stack's services, and the step they are at. */
  workOf(tx: UnitOfWork, stackId: string, hostIds: readonly string[]): Promise<Map<string, HostWork>>;
}

export interface HostWork {
  readonly services: ServiceStatus[];
  /** One plan line; empty when nothing is under way. */
  readonly currentStep: string;
  /** What the probes of a gate said last; empty when there are none. */
  readonly probes: ProbeResult[];
}

/** Figures that a health gate asks for; implemented by views/ from what metrics stored. */
export interface GateMetrics {
  /**
   * For each host the conditions that do not hold, or are not known to, from `sinceMs` (milliseconds since 1970) until
   * now, as sentences: "cpu_percent of web is 93, it must stay below 80". A host without an entry meets them all. Figures
   * from before `healthySinceMs` say nothing: something else ran then.
   */
  unmet(
    tx: UnitOfWork,
    query: {
      readonly stackId: string;
      readonly hosts: readonly { readonly hostId: string; readonly sinceMs: number; readonly healthySinceMs: number }[];
      readonly conditions: readonly MetricCondition[];
      readonly now: Date;
    },
  ): Promise<ReadonlyMap<string, readonly string[]>>;
}
