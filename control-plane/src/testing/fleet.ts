import type { ObservedStack, ObservedState } from "@windflow/proto/agent";
import { sql } from "kysely";
import { createAudit } from "../audit/index.ts";
import { hostObserved, storeObserved } from "../containers/index.ts";
import { createRenderer } from "../compose/index.ts";
import { createFiles, type Files } from "../files/index.ts";
import { hostPresenceChanged, type HostPresence } from "../hosts/index.ts";
import { createSealer, type Caller, type Clock, type Platform } from "../platform/index.ts";
import {
  createDesiredStates,
  createPlacementKeeper,
  createRolloutsService,
  createRolloutWorker,
} from "../rollouts/index.ts";
import type {
  DesiredState,
  DesiredStates,
  PlacementKeeper,
  RolloutsService,
  RolloutWorker,
} from "../rollouts/index.ts";
import { createVault, type Vault } from "../secrets/index.ts";
import {
  createComposeRenderer,
  createDrafts,
  createRevisions,
  createStacksService,
  hostsResolve,
  nothingBuilt,
} from "../stacks/index.ts";
import type { Revisions, StacksService } from "../stacks/index.ts";
import { createProgressBoard, type ProgressBoard } from "../status/index.ts";
import { createRolloutSight } from "../views/index.ts";
import { observedStack } from "./observed.ts";

/** The domains around stacks on a database, without doors and without agents: tests say what hosts report. */
export interface Fleet {
  readonly caller: Caller;
  readonly vault: Vault;
  readonly files: Files;
  readonly progress: ProgressBoard;
  readonly stacks: StacksService;
  readonly revisions: Revisions;
  readonly rollouts: RolloutsService;
  readonly desired: DesiredStates;
  newWorker(): RolloutWorker;
  newKeeper(): PlacementKeeper;
  addHost(name: string, labels?: Record<string, string>): Promise<string>;
  setPresence(hostId: string, presence: HostPresence): Promise<void>;
  /** The host reports that it runs everything that it must run, or what it was told when it last asked. */
  report(hostId: string, stack: Partial<ObservedStack>, told?: DesiredState): Promise<void>;
}

const ORGANIZATION = "org_test";
const ENVIRONMENT = "env_test";

export async function createFleet(platform: Platform): Promise<Fleet> {
  const { database, clock, newId, bus, log } = platform;
  await seed(platform);
  const caller: Caller = {
    kind: "user",
    id: "usr_test",
    name: "ada@example.org",
    organizationId: ORGANIZATION,
    permissions: new Set(["stacks.write", "rollouts.write", "rollouts.approve"]),
    remoteAddress: "127.0.0.1",
    requestId: "req_test",
  };
  const audit = createAudit({ database, clock, newId });
  const files = createFiles({ database, clock, jobs: platform.jobs, audit });
  const vault = createVault({ installation: createSealer(Buffer.alloc(32, 7)), clock });
  const progress = createProgressBoard();
  const sight = createRolloutSight(progress);
  const term = 1n;
  const advancing = { clock, newId, sight, term, listeningSince: 0, database };
  const rollouts = createRolloutsService({ ...advancing, audit });
  const drafts = createDrafts({
    database,
    vault,
    compose: createComposeRenderer(createRenderer()),
    files: files.store,
  });
  const images = { built: nothingBuilt, resolver: hostsResolve };
  const desired = createDesiredStates({ database, clock, vault, files: files.store, term });

  return {
    caller,
    vault,
    files,
    progress,
    rollouts,
    desired,
    stacks: createStacksService({ database, clock, newId, audit, remover: rollouts, carrier: desired }),
    revisions: createRevisions({ database, clock, vault, drafts, images, files: files.store, audit }),
    newKeeper: () => createPlacementKeeper({ ...advancing, bus, log, hostObserved }),
    newWorker: () => createRolloutWorker({ ...advancing, bus, log, hostObserved }),
    addHost: (name, labels = {}) => addHost(platform, name, labels),
    setPresence: async (hostId, presence) => {
      await database.inOrganization(ORGANIZATION, async (tx) => {
        await sql`UPDATE hosts SET presence = ${presence}, presence_since = ${clock.now()}, presence_cause = ${`it is ${presence}`}
          WHERE id = ${hostId}`.execute(tx.queries);
        tx.emit(hostPresenceChanged, { organizationId: ORGANIZATION, hostId, presence, previous: "online" });
      });
    },
    report: (hostId, stack, told) => report(platform, desired, hostId, stack, told),
  };
}

async function seed({ database, clock }: Platform): Promise<void> {
  await database.asSystem(async (tx) => {
    const at = clock.now();
    await sql`INSERT INTO organizations (id, name, created_at) VALUES (${ORGANIZATION}, 'test', ${at})`.execute(
      tx.queries,
    );
    await sql`INSERT INTO environments (id, organization_id, name, created_at)
      VALUES (${ENVIRONMENT}, ${ORGANIZATION}, 'prod', ${at})`.execute(tx.queries);
  });
}

async function addHost(
  { database, clock, newId }: Platform,
  name: string,
  labels: Record<string, string>,
): Promise<string> {
  const id = newId("hst");
  const at = clock.now();
  await database.inOrganization(ORGANIZATION, async (tx) => {
    await sql`INSERT INTO hosts (id, organization_id, environment_id, name, labels, facts, capabilities, agent_version, sealing_key,
        enrollment_token_id, enrolled_at, certificate_expires_at, awaiting_approval, presence, presence_since, presence_cause, last_seen_at)
      VALUES (${id}, ${ORGANIZATION}, ${ENVIRONMENT}, ${name}, ${JSON.stringify(labels)}, ${JSON.stringify({ arch: "x64" })}, '{docker}',
        '0.1.0', ${Buffer.alloc(32)}, 'ent_test', ${at}, ${at}, false, 'online', ${at}, 'heartbeat', ${at})`.execute(
      tx.queries,
    );
  });
  return id;
}

async function report(
  { database, clock }: Platform,
  desired: DesiredStates,
  hostId: string,
  stack: Partial<ObservedStack>,
  told?: DesiredState,
): Promise<void> {
  await database.inOrganization(ORGANIZATION, async (tx) => {
    const { generation, stacks } = told ?? (await desired.desiredStateFor(tx, hostId));
    const at = clock.now();
    const state: ObservedState = {
      at,
      digest: "",
      generation,
      containers: [],
      engineProblem: "",
      stacks: stacks.map(({ stackId, revision }) =>
        observedStack({ stackId, revision, healthySince: reportedHealthy(clock), ...stack }),
      ),
    };
    await storeObserved(tx, [{ organizationId: ORGANIZATION, hostId, at, receivedAt: at, clockSkewMs: 0, state }]);
  });
}

const HEALTHY_FOR_MS = 60_000;
const reportedHealthy = (clock: Clock): Date => new Date(clock.now().getTime() - HEALTHY_FOR_MS);
