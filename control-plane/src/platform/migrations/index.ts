import type { Migration } from "../db/migrate.ts";
import { migration as platform } from "./202611221500-platform.ts";
import { migration as identity } from "./202611221505-identity.ts";
import { migration as audit } from "./202611221510-audit.ts";
import { migration as events } from "./202611221520-events.ts";
import { migration as hosts } from "./202611221525-hosts.ts";
import { migration as agents } from "./202611221530-agents.ts";
import { migration as stacks } from "./202611221530-stacks.ts";
import { migration as rollouts } from "./202611221535-rollouts.ts";
import { migration as containers } from "./202611221540-containers.ts";
import { migration as metrics } from "./202611221550-metrics.ts";
import { migration as hostBoots } from "./202611221605-host-boots.ts";
import { migration as tickets } from "./202611221615-tickets.ts";
import { migration as sessionReplicas } from "./202611221620-session-replicas.ts";
import { migration as replicaAddresses } from "./202611221640-replica-addresses.ts";
import { migration as files } from "./202611221810-files.ts";
import { migration as registries } from "./202611221811-registries.ts";
import { migration as builds } from "./202611221812-builds.ts";
import { migration as adoption } from "./202611221813-adoption.ts";
import { migration as attempts } from "./202611221814-attempts.ts";
import { migration as metricStatistics } from "./202611221940-metric-statistics.ts";
import { migration as metricContainers } from "./202611221942-metric-containers.ts";
import { migration as hostScheduling } from "./202611221955-host-scheduling.ts";
import { migration as rolloutWaves } from "./202611222150-rollout-waves.ts";
import { migration as windows } from "./202611222151-windows.ts";
import { migration as stackPolicy } from "./202611222152-stack-policy.ts";
import { migration as drift } from "./202611222153-drift.ts";
import { migration as savedViews } from "./202611222154-saved-views.ts";
import { migration as hostHealth } from "./202611222155-host-health.ts";
import { migration as metricTiers } from "./202611222156-metric-tiers.ts";
import { migration as placement } from "./202611222160-placement.ts";
import { migration as observedConfirmed } from "./202611222161-observed-confirmed.ts";
import { migration as requestedLabels } from "./202611230150-requested-labels.ts";
import { migration as agentUpdates } from "./202611230152-agent-updates.ts";
import { migration as hostMachines } from "./202611230153-host-machines.ts";
import { migration as linkProfiles } from "./202611230154-link-profiles.ts";
import { migration as imageCache } from "./202611230155-image-cache.ts";
import { migration as peerAddresses } from "./202611230156-peer-addresses.ts";
import { migration as revisionBefore } from "./202611230158-revision-before.ts";
import { migration as observedStackStates } from "./202611230602-observed-stack-states.ts";

/** Every migration, oldest first. A list and not a folder scan: the released program is one file. */
export const migrations: readonly Migration[] = [
  platform,
  identity,
  audit,
  events,
  hosts,
  agents,
  stacks,
  rollouts,
  containers,
  metrics,
  hostBoots,
  tickets,
  sessionReplicas,
  replicaAddresses,
  files,
  registries,
  builds,
  adoption,
  attempts,
  metricStatistics,
  metricContainers,
  hostScheduling,
  rolloutWaves,
  windows,
  stackPolicy,
  drift,
  savedViews,
  hostHealth,
  metricTiers,
  placement,
  observedConfirmed,
  requestedLabels,
  agentUpdates,
  hostMachines,
  linkProfiles,
  imageCache,
  peerAddresses,
  revisionBefore,
  observedStackStates,
];
