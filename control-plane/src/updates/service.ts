import { announce, recordEvent } from "../events/index.ts";
import { parseHostFilter, readAgentHosts, saveAgentUpdates } from "../hosts/index.ts";
import { commonErrors, ProblemError, requirePermission, type Caller, type UnitOfWork } from "../platform/index.ts";
import { assignWaves, type RolloutStrategy } from "../rollouts/index.ts";
import { createUpdateActs, type UpdateActs } from "./acts.ts";
import { advanceUpdate, playUpdate } from "./advance.ts";
import { updatesErrors } from "./errors.ts";
import { updateOpened } from "./events.ts";
import { viewOf } from "./look.ts";
import type { AgentUpdate, ReleaseFacts, UpdateHost } from "./model.ts";
import type { UpdatesParts } from "./parts.ts";
import { chooseHosts, type Candidate, type Chosen } from "./plan-choose.ts";
import { readPermit } from "./permit.ts";
import type { FoundRelease } from "./read-release.ts";
import { insertHosts, readHosts, readTaken, writeHosts } from "./store-hosts.ts";
import { insertUpdate, lockUpdates, readUpdate, type StoredUpdate } from "./store.ts";
import { sayOnHost } from "./tell.ts";
import { compareVersions } from "./versions.ts";

export interface WantedUpdate {
  readonly releaseId: string;
  readonly filter: string;
  readonly hostIds: readonly string[];
  readonly strategy: RolloutStrategy;
  readonly reason: string;
  readonly ignoreWindows: boolean;
  readonly permit: string;
}

/** What an update would do. */
export interface UpdatePreview {
  readonly release: ReleaseFacts;
  readonly chosen: Chosen;
  readonly waves: AgentUpdate["waves"];
  readonly waveOf: ReadonlyMap<string, number>;
}

export interface UpdatesService extends UpdateActs {
  preview(caller: Caller, wanted: WantedUpdate): Promise<UpdatePreview>;
  /** Hosts that an update under way has are taken over. */
  create(caller: Caller, wanted: WantedUpdate): Promise<StoredUpdate>;
}

export function createUpdatesService(parts: UpdatesParts): UpdatesService {
  const { database, clock, newId, audit, catalog } = parts;

  async function releaseOf(releaseId: string): Promise<FoundRelease> {
    const found = await catalog.find(releaseId);
    if (found === undefined) throw new ProblemError({ code: updatesErrors.WF_UPDATE_RELEASE_UNKNOWN });
    if (found.problem === "") return found;
    throw new ProblemError({ code: updatesErrors.WF_UPDATE_RELEASE_UNUSABLE, detail: found.problem });
  }

  async function choose(
    tx: UnitOfWork,
    caller: Caller,
    wanted: WantedUpdate,
    found: FoundRelease,
  ): Promise<UpdatePreview> {
    const candidates = await readCandidates(tx, caller.organizationId, wanted, parts.listeningSince);
    const options = { hasPermit: wanted.permit !== "", compare: compareVersions };
    const chosen = chooseHosts({ release: found.facts }, candidates, options);
    const { waves, waveOf } = assignWaves(
      wanted.strategy,
      chosen.taken.map(({ hostId, hostName, labels }) => ({ hostId, hostName, labels, action: "deploy" })),
    );
    return { release: found.facts, chosen, waves, waveOf };
  }

  /** Takes hosts off the updates that have them; those end by themselves when nothing is left to them. */
  async function takeOver(tx: UnitOfWork, updateId: string, hostIds: readonly string[]): Promise<void> {
    const taken = Map.groupBy(await readTaken(tx, hostIds), (one) => one.updateId);
    for (const [olderId, rows] of taken) {
      // Its row first, as everybody who works on an update does.
      if ((await readUpdate(tx, olderId, "lock")) === undefined) continue;
      const ids = new Set(rows.map((row) => row.hostId));
      const own = (await readHosts(tx, olderId)).filter((host) => ids.has(host.hostId));
      await writeHosts(
        tx,
        olderId,
        own.map((host) => ({ ...host, supersededBy: updateId })),
      );
      await advanceUpdate(tx, olderId, parts);
    }
  }

  return {
    ...createUpdateActs(parts),
    preview: async (caller, wanted) => {
      readPermit(wanted.permit);
      const found = await releaseOf(wanted.releaseId);
      return database.inOrganization(caller, (tx) => choose(tx, caller, wanted, found), { readOnly: true });
    },
    create: async (caller, wanted) => {
      if (wanted.ignoreWindows) requirePermission(caller, "rollouts.approve");
      const permit = readPermit(wanted.permit);
      const found = await releaseOf(wanted.releaseId);
      return database.inOrganization(caller, async (tx) => {
        const { organizationId } = caller;
        await lockUpdates(tx, organizationId);
        const { chosen, waves, waveOf } = await choose(tx, caller, wanted, found);
        if (chosen.taken.length === 0) throw noHost(chosen);
        const now = clock.now();
        const update: StoredUpdate = {
          id: newId("upd"),
          organizationId,
          release: found.facts,
          state: "pending",
          cause: "not begun yet",
          strategy: wanted.strategy,
          waves,
          excusedFailures: 0,
          ignoreWindows: wanted.ignoreWindows,
          reason: wanted.reason,
          createdBy: caller.name,
          createdAt: now,
        };
        const hosts = chosen.taken.map((host): UpdateHost => newHost(host, waveOf.get(host.hostId) ?? 1));
        await takeOver(
          tx,
          update.id,
          hosts.map((host) => host.hostId),
        );
        await insertUpdate(tx, update, { sums: found.sums, signature: found.signature, ...permit });
        await insertHosts(tx, update, hosts);
        await saveAgentUpdates(
          tx,
          organizationId,
          hosts.map((host) => ({ hostId: host.hostId, update: sayOnHost(update, host) })),
        );
        const message = `${caller.name} updates the agents of ${counted(hosts.length)} to ${found.facts.version}${wanted.reason === "" ? "" : ` (${wanted.reason})`}.`;
        const what = { type: "update.started", severity: "info" as const, actor: caller.name };
        await recordEvent(tx, { id: newId("evt"), organizationId, at: now, ...what, message });
        announce(tx, { organizationId, kind: "agent_update", id: update.id, change: "created", at: now });
        const played = await playUpdate(tx, { update, hosts }, parts);
        await audit.record(tx, caller, {
          action: "updates.create",
          targetKind: "agent_update",
          targetId: update.id,
          detail: {
            version: found.facts.version,
            commit: found.facts.commit,
            releaseId: found.facts.id,
            hosts: hosts.length,
            waves: waves.length,
            ...(wanted.ignoreWindows ? { ignoreWindows: true } : {}),
            ...(wanted.permit === "" ? {} : { permit: true }),
            ...(wanted.reason === "" ? {} : { reason: wanted.reason }),
          },
        });
        tx.emit(updateOpened, { organizationId, updateId: update.id });
        return played.update;
      });
    },
  };
}

async function readCandidates(
  tx: UnitOfWork,
  organizationId: string,
  { filter, hostIds }: Pick<WantedUpdate, "filter" | "hostIds">,
  listeningSince: number,
): Promise<Candidate[]> {
  const parsed = parseHostFilter(filter);
  if (parsed === undefined) {
    throw new ProblemError({
      code: commonErrors.WF_INVALID_ARGUMENT,
      violations: [{ path: "filter", message: "cannot be understood: words as in the host list" }],
    });
  }
  const found = await readAgentHosts(tx, {
    organizationId,
    filter: parsed,
    ...(hostIds.length > 0 ? { hostIds } : {}),
  });
  return found.map((host) => ({
    hostId: host.hostId,
    hostName: host.name,
    labels: host.labels,
    awaitingApproval: host.awaitingApproval,
    neverSeen: host.presence === "never-seen",
    view: viewOf(host, listeningSince),
  }));
}

function newHost({ hostId, hostName, view }: Candidate, wave: number): UpdateHost {
  const fromVersion = view.runs.version;
  return { hostId, hostName, wave, state: "pending", cause: "not begun yet", fromVersion, retries: 0, begun: false };
}

function noHost({ already, refused }: Chosen): ProblemError {
  const parts = [
    `${already.length} run it already`,
    ...(refused[0] === undefined ? [] : [`${refused.length} cannot: ${refused[0].host.hostName}: ${refused[0].cause}`]),
  ];
  return new ProblemError({ code: updatesErrors.WF_UPDATE_NO_HOST, detail: parts.join("; ") });
}

const counted = (hosts: number): string => `${hosts} ${hosts === 1 ? "host" : "hosts"}`;
