import { readHostsWith, readPublishedPorts } from "../containers/index.ts";
import type { PlacementSight } from "../rollouts/index.ts";

/** What placement sees of the hosts' last reports. */
export const placementSight: PlacementSight = {
  hostsRunning: readHostsWith,
  publishedPorts: (tx, stackId, hostIds) => readPublishedPorts(tx, { hostIds, exceptStackId: stackId }),
};
