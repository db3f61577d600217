import type { ServiceStatus } from "@windflow/proto/api";
import type { UnitOfWork } from "../platform/index.ts";
import type { HostView } from "./model.ts";

/** What is known of hosts with regard to one stack; implemented by views/, which may look into every domain. */
export interface RolloutSight {
  /** A host that is not there any more has reach "gone". */
  viewsOf(tx: UnitOfWork, stackId: string, hostIds: readonly string[]): Promise<Map<string, HostView>>;
  /** What the hosts report of the stack's services, and the step they are at. */
  workOf(tx: UnitOfWork, stackId: string, hostIds: readonly string[]): Promise<Map<string, HostWork>>;
}

export interface HostWork {
  readonly services: ServiceStatus[];
  /** One plan line; empty when nothing is under way. */
  readonly currentStep: string;
}
