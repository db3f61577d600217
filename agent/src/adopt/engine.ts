import type { CreatedAs, InspectedProject } from "@windflow/core";

/** What an adoption asks of an engine. */
export interface AdoptEngine {
  /** All that the engine has of a compose project; no containers when it has none. */
  inspectProject(project: string): Promise<InspectedProject>;
  /** @returns undefined when the container is gone. */
  createdAs(containerId: string): Promise<CreatedAs | undefined>;
}
