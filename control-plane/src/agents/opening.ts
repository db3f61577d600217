import { X25519_KEY_BYTES } from "@windflow/core";
import { AgentUpdateStatus_State, type Hello, type LinkSettings } from "@windflow/proto/agent";
import { recordEvent, recordEvents, type IdentifiedEvent } from "../events/index.ts";
import {
  announceHost,
  doubtMachines,
  makeCloneToken,
  noteArrivals,
  noteTries,
  readDecisions,
  boundedCapabilities,
  boundedFacts,
  cleanText,
  factsFromWire,
  hostChanged,
  hostPresenceChanged,
  hostQuarantined,
  hostsErrors,
  isClone,
  openHostSessions,
  quarantineHost,
  type AgentBuild,
  type HostAgentUpdate,
  type HostSession,
  type OpenedSession,
  type Sighting,
} from "../hosts/index.ts";
import { OPEN_SETTINGS, type LinkBook } from "../links/index.ts";
import {
  createGathering,
  eventType,
  ProblemError,
  type Clock,
  type Database,
  type EventType,
  type NewId,
  type UnitOfWork,
} from "../platform/index.ts";
import { agentsErrors } from "./errors.ts";
import { eventOfBoot } from "./arrival.ts";
import { isPassing } from "./passing.ts";
import type { AgentReleases, DesiredStateOfHost, DesiredStatePort, RegisteredHooks, WantedAgent } from "./ports.ts";
import type { Session } from "./session.ts";
import { readAcknowledged, readObservedDigests } from "./store.ts";

/** A session got its epoch, on whichever replica: older ones end. */
export const sessionOpened: EventType<{ hostId: string; epoch: string }> = eventType<{ hostId: string; epoch: string }>(
  "agents.session-opened",
);

/** What the host is told in Welcome, from the transaction that gave the session its epoch. */
export interface Opening {
  epoch: bigint;
  enrolledAt: Date;
  awaitingApproval: boolean;
  spoolAcknowledged: bigint;
  wantsObserved: boolean;
  /** Undefined while the host waits for approval. */
  desired: DesiredStateOfHost | undefined;
  link: LinkSettings;
  /** The update that is about its agent; undefined for most hosts. */
  agentUpdate: HostAgentUpdate | undefined;
  /** What its agent is to become. */
  wantedAgent: WantedAgent | undefined;
}

/** No session: the machine is a clone of the host, and gets a token with which it becomes a host of its own. */
export interface CloneToken {
  readonly token: string;
}
type Outcome = Opening | "quarantined" | CloneToken;

/** Opens the session of a host that greeted; see `openTogether`. Rejects when the host may have no session. */
export type OpenSession = (session: Session, hello: Hello) => Promise<Outcome>;

interface Parts {
  database: Database;
  clock: Clock;
  newId: NewId;
  desired: DesiredStatePort;
  releases: Pick<AgentReleases, "wantedOf">;
  hooks: Pick<RegisteredHooks, "confirmed">;
  links: LinkBook;
  replicaId: string;
}
interface Greeting {
  session: Session;
  hello: Hello;
}

const MAX_VERSION_CHARACTERS = 64;
const MAX_REASON_CHARACTERS = 500;
// The hosts of a site that come back together share a transaction, which stays short enough for the locks that it holds.
const SESSIONS_AT_ONCE = 100;
// While they come one upon the other, a few share the dozen statements; one that comes alone does not wait.
const STORM = { ms: 40, enough: 20, least: 2 };

export function createOpening(parts: Parts): OpenSession {
  const open = createGathering<Greeting, Outcome | ProblemError>({
    lineOf: ({ session }) => session.identity.organizationId,
    // A host with two sessions in the making: the later one gets the higher epoch.
    keyOf: ({ session }) => session.identity.hostId,
    limit: SESSIONS_AT_ONCE,
    linger: STORM,
    work: (organizationId, greetings) =>
      parts.database.inOrganization(organizationId, (tx) => openTogether(parts, tx, organizationId, greetings)),
    isOnesFault: (error) => !isPassing(error),
  });
  return async (session, hello) => {
    // Before the work that waits for the database: what it takes is no part of the way.
    if (hello.agentTime !== undefined)
      session.skew.answered(hello.agentTime.getTime(), session.challengedAtMs, parts.clock.now().getTime());
    const outcome = await open({ session, hello });
    if (outcome instanceof ProblemError) throw outcome;
    return outcome;
  };
}

/**
 * Commits sessions: their epochs, their hosts' reports, their presence. A host that turns out to be two machines is
 * quarantined instead.
 */
async function openTogether(
  parts: Parts,
  tx: UnitOfWork,
  organizationId: string,
  greetings: readonly Greeting[],
): Promise<(Outcome | ProblemError)[]> {
  const now = parts.clock.now();
  const { replicaId } = parts;
  const reports = greetings.map(reportOf);
  const machines = createMachines(tx, organizationId, greetings, now);
  const at = { organizationId, replicaId, now, cause: "its session is open" };
  const opened = await openHostSessions(tx, at, reports, machines.turnedAway);
  const hostIds = reports.map((report) => report.hostId);
  const spools = greetings.map(({ session, hello }) => ({ hostId: session.identity.hostId, spoolId: hello.spoolId }));
  const acknowledged = await readAcknowledged(tx, organizationId, spools);
  const digests = await readObservedDigests(tx, organizationId, hostIds);
  const desired = await parts.desired.desiredStatesFor(tx, hostIds);
  const labelled = hostIds.map((hostId) => ({ hostId, labels: opened.get(hostId)?.before.labels ?? {} }));
  const links = await parts.links.settingsFor(tx, organizationId, labelled);
  // Most hosts have no update about them, and cost no look.
  const updating = hostIds.filter((hostId) => opened.get(hostId)?.before.agent_update?.wanted === true);
  const wanted = updating.length === 0 ? [] : await parts.releases.wantedOf(tx, updating);
  const wantedAgents = new Map(updating.map((hostId, i) => [hostId, wanted[i]]));
  const events: IdentifiedEvent[] = [];
  const confirmed: string[] = [];
  const outcomes: (Outcome | ProblemError)[] = [];
  for (const [index, { session, hello }] of greetings.entries()) {
    const { hostId } = session.identity;
    const host = { organizationId, hostId };
    const { before, epoch } = opened.get(hostId) ?? {};
    if (before !== undefined && machines.isClone(hostId)) {
      const token = await makeCloneToken(tx, before, { bootId: cleanText(hello.bootId), newId: parts.newId, now });
      outcomes.push({ token });
      continue;
    }
    const refusal = refusalOf(before);
    if (before === undefined || epoch === undefined || refusal !== undefined) {
      outcomes.push(refusal ?? new ProblemError({ code: agentsErrors.WF_HOST_DISCONNECTED }));
      continue;
    }
    if (
      machines.hasReturned(hostId) ||
      isClone({ bootId: before.boot_id, previousBootId: before.previous_boot_id }, hello.bootId)
    ) {
      await doubtMachines(tx, hostId, cleanText(hello.bootId));
      await quarantine(parts, tx, { ...host, name: before.name, address: session.remoteAddress });
      outcomes.push("quarantined");
      continue;
    }
    if (before.presence !== "online") {
      const message =
        before.last_seen_at === null ? `Host ${before.name} has connected.` : `Host ${before.name} is online again.`;
      const at = { at: now, severity: "info" as const, actor: "system" };
      events.push({ id: parts.newId("evt"), ...host, ...at, type: "host.online", message });
      tx.emit(hostPresenceChanged, { ...host, presence: "online", previous: before.presence });
    }
    const { milliseconds: clockSkewMs } = session.skew;
    const booted = eventOfBoot({ host, before, hello, clockSkewMs, now });
    if (booted !== undefined) events.push({ id: parts.newId("evt"), ...booted });
    const unchanged = hello.observedDigest !== "" && digests.get(hostId) === hello.observedDigest;
    if (unchanged) confirmed.push(hostId);
    if (before.capabilities.join(" ") !== reports[index]?.capabilities.join(" ")) tx.emit(hostChanged, host);
    announceHost(tx, host, "updated", now);
    tx.emit(sessionOpened, { hostId, epoch: String(epoch) });
    outcomes.push({
      epoch,
      enrolledAt: before.enrolled_at,
      awaitingApproval: before.awaiting_approval,
      spoolAcknowledged: acknowledged.get(hostId) ?? 0n,
      wantsObserved: !unchanged,
      desired: before.awaiting_approval ? undefined : desired[index],
      link: links[index] ?? OPEN_SETTINGS,
      agentUpdate: before.agent_update ?? undefined,
      wantedAgent: before.awaiting_approval ? undefined : wantedAgents.get(hostId),
    });
  }
  await recordEvents(tx, events);
  for (const confirm of parts.hooks.confirmed) await confirm(tx, { organizationId, hostIds: confirmed, at: now });
  return outcomes;
}

/** What is known of the machines that greet: asked only of those that come in place of another, or whose host is in doubt. */
function createMachines(tx: UnitOfWork, organizationId: string, greetings: readonly Greeting[], now: Date) {
  const decisions = new Map<string, string>();
  const sightings = new Map(greetings.map((greeting) => [greeting.session.identity.hostId, sightingOf(greeting)]));
  return {
    turnedAway: async (before: readonly OpenedSession["before"][]): Promise<ReadonlySet<string>> => {
      const seen = before.flatMap((row) => {
        const sighting = sightings.get(row.id);
        return sighting === undefined || sighting.bootId === "" ? [] : [{ row, sighting }];
      });
      const live = seen.filter(({ row }) => row.revoked_at === null);
      const doubted = live.filter(({ row }) => row.quarantined_at !== null);
      const changed = live.filter(
        ({ row, sighting }) => row.quarantined_at === null && row.boot_id !== sighting.bootId,
      );
      const returning = changed.filter(({ row }) => row.boot_id !== "");
      if (returning.length > 0) {
        const asked = returning.map(({ sighting }) => sighting);
        for (const [hostId, decided] of await readDecisions(tx, organizationId, asked)) decisions.set(hostId, decided);
      }
      const clones = new Set([...decisions].filter(([, decided]) => isCloneWord(decided)).map(([hostId]) => hostId));
      const tries = [...doubted, ...changed.filter(({ row }) => clones.has(row.id))];
      await noteTries(
        tx,
        organizationId,
        now,
        tries.map(({ sighting }) => sighting),
      );
      const arrivals = changed.filter(({ row }) => !clones.has(row.id));
      await noteArrivals(
        tx,
        organizationId,
        now,
        arrivals.map(({ row, sighting }) => ({ sighting, before: row })),
      );
      return clones;
    },
    isClone: (hostId: string): boolean => isCloneWord(decisions.get(hostId)),
    /** Its start was seen before another one: a boot id never comes back on a machine that was only started anew. */
    hasReturned: (hostId: string): boolean => decisions.has(hostId) && !isCloneWord(decisions.get(hostId)),
  };
}

const isCloneWord = (decided: string | undefined): boolean => decided === "clone" || decided === "enrolled";

function sightingOf({ session, hello }: Greeting): Sighting {
  const { hostname, addresses } = boundedFacts(factsFromWire(hello.host));
  const { hostId } = session.identity;
  return {
    hostId,
    bootId: cleanText(hello.bootId),
    remoteAddress: session.remoteAddress,
    facts: { hostname, addresses },
  };
}

function refusalOf(before: OpenedSession["before"] | undefined): ProblemError | undefined {
  if (before === undefined)
    return new ProblemError({ code: agentsErrors.WF_HOST_DISCONNECTED, detail: "The host was deleted." });
  if (before.revoked_at !== null) return new ProblemError({ code: hostsErrors.WF_HOST_REVOKED });
  if (before.quarantined_at !== null) return new ProblemError({ code: agentsErrors.WF_HOST_QUARANTINED });
  return undefined;
}

function reportOf({ session, hello }: Greeting): HostSession {
  return {
    hostId: session.identity.hostId,
    bootId: cleanText(hello.bootId),
    agentVersion: cleanText(hello.agentVersion).slice(0, MAX_VERSION_CHARACTERS),
    build: buildOf(hello),
    facts: boundedFacts(factsFromWire(hello.host)),
    capabilities: boundedCapabilities(hello.host?.capabilities ?? []),
    clockSkewMs: session.skew.milliseconds,
    sealingKey: hello.sealingKey.length === X25519_KEY_BYTES ? hello.sealingKey : undefined,
  };
}

function buildOf({ build, agentUpdate }: Hello): AgentBuild | undefined {
  if (build === undefined) return undefined;
  const word = (text: string): string => cleanText(text).slice(0, MAX_VERSION_CHARACTERS);
  return {
    commit: word(build.commit),
    development: build.development,
    arch: word(build.arch),
    protocolMin: build.protocolMin,
    protocolMax: build.protocolMax,
    cannotUpdate: cleanText(build.cannotUpdate).slice(0, MAX_REASON_CHARACTERS),
    ...(agentUpdate?.state === AgentUpdateStatus_State.STATE_PROVING ? { onTrial: true as const } : {}),
  };
}

async function quarantine(
  parts: Parts,
  tx: UnitOfWork,
  host: { organizationId: string; hostId: string; name: string; address: string },
): Promise<void> {
  const { organizationId, hostId, name } = host;
  const at = parts.clock.now();
  const reason = `two machines use its key: one that had been replaced by another came back from ${host.address}`;
  await quarantineHost(tx, { organizationId, hostId }, { at, reason });
  const what = { type: "host.quarantined", severity: "warning" as const, actor: "system" };
  const message = `Host ${name} is quarantined: ${reason}. Say on its page which machine it is; the other becomes a host of its own.`;
  await recordEvent(tx, { id: parts.newId("evt"), organizationId, hostId, at, ...what, message });
  tx.emit(hostQuarantined, { organizationId, hostId });
  tx.emit(hostChanged, { organizationId, hostId });
  announceHost(tx, { organizationId, hostId }, "updated", at);
}
