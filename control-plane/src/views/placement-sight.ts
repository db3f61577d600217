import { readHostsWith, readObservedHosts, readPublishedPorts } from "../containers/index.ts";
import type { PlacementSight } from "../rollouts/index.ts";

/** What placement sees of the hosts' last reports. */
export const placementSight: PlacementSight = {
  hostsRunning: readHostsWith,
  generationsOf: async (tx, hostIds) => {
    const observed = await readObservedHosts(tx, hostIds);
    return new Map(
      [...observed].flatMap(([hostId, { generation, engineProblem }]) =>
        engineProblem === "" ? [[hostId, generation]] : [],
      ),
    );
  },
  publishedPorts: (tx, stackId, hostIds) => readPublishedPorts(tx, { hostIds, exceptStackId: stackId }),
};
