import { backoffMs } from "@windflow/agent/backoff";
import { createBeats } from "@windflow/agent/beats";
import { FetchBodyRequest, type DesiredState, type Intervals } from "@windflow/proto/agent";
import { createPrivateKey, randomUUID, type KeyObject } from "node:crypto";
import { ask, type Member } from "./enrol.ts";
import { createFakeEngine, type FakeEngine } from "./fake-engine.ts";
import { createFakeSpool, type FakeSpool } from "./fake-spool.ts";
import type { FigureSource } from "./figures.ts";
import { hostReport } from "./host-report.ts";
import { openLink, type Endpoint, type Link } from "./link.ts";
import { openSession, type FromControlPlane, type Session } from "./session.ts";

/** One host's agent: it keeps its session open, does what it is told with an engine that is none, and ships figures. */
export interface SimulatedAgent {
  readonly member: Member;
  readonly engine: FakeEngine;
  readonly spool: FakeSpool;
  /** Milliseconds since the epoch of the last Welcome; 0 while there is no session. */
  readonly welcomedAt: number;
  /** "STACK REVISION KEPT" → when it was first told to run it and to keep so many, milliseconds since the epoch. */
  readonly told: ReadonlyMap<string, number>;
  start(): void;
  /** Cuts the connection as a network does; it is opened again as the agent's own backoff says. */
  cut(): void;
  /** For good. */
  stop(): void;
}

export interface Surroundings {
  readonly endpoint: Endpoint;
  readonly figures: FigureSource;
  readonly counts: Counts;
}
export interface Counts {
  sessions: number;
  resumed: number;
  failed: number;
  ended: Record<string, number>;
  bodies: number;
  errors: Record<string, number>;
}
export const noCounts = (): Counts => ({ sessions: 0, resumed: 0, failed: 0, ended: {}, bodies: 0, errors: {} });

const DEFAULT_INTERVALS: Intervals = {
  heartbeatMs: 15_000,
  hostSampleShipMs: 15_000,
  containerSampleShipMs: 30_000,
  live: false,
};
// An engine needs some time for a container; spread, as hosts differ.
const CONVERGE_LEAST_MS = 100;
const CONVERGE_SPREAD_MS = 400;

export function createAgent(member: Member, around: Surroundings): SimulatedAgent {
  const { counts } = around;
  const engine = createFakeEngine(member.hostId);
  const spool = createFakeSpool();
  const beats = createBeats();
  const key: KeyObject = createPrivateKey(member.privateKeyPem);
  const [bootId, instanceId] = [randomUUID(), randomUUID()];
  const told = new Map<string, number>();
  const timers = new Set<NodeJS.Timeout>();
  let ticket: Buffer | undefined;
  let link: Link | undefined;
  let session: Session | undefined;
  let welcomedAt = 0;
  let failures = 0;
  let returnWithinMs = 0;
  let { heartbeatMs } = DEFAULT_INTERVALS;
  let stopped = false;

  function count(where: Record<string, number>, what: string): void {
    where[what] = (where[what] ?? 0) + 1;
  }

  async function connect(): Promise<void> {
    try {
      const opened = await openLink(around.endpoint, member, ticket, (fresh) => (ticket = fresh));
      if (stopped) return opened.close();
      link = opened;
      if (opened.socket.isSessionReused()) counts.resumed++;
      opened.http2.once("close", () => over("the connection broke"));
      session = openSession({
        link: opened,
        hostId: member.hostId,
        key,
        hello: () => ({
          agentVersion: "0.1.0",
          host: hostReport(member.hostname),
          bootId,
          instanceId,
          generation: engine.generation,
          observedDigest: engine.digest,
          spoolId: spool.id,
          agentTime: new Date(),
          sealingKey: member.sealingKey,
          agentUpdate: undefined,
          build: undefined,
          linkDigest: "",
          peerAddress: "",
        }),
        onWelcome: (welcome) => {
          counts.sessions++;
          welcomedAt = Date.now();
          failures = 0;
          ({ returnWithinMs } = welcome);
          spool.rewind(welcome.spoolAcked);
          if (welcome.wantsObserved) observe(true);
          work(welcome.intervals ?? DEFAULT_INTERVALS);
        },
        onFrame: handle,
        onEnd: over,
      });
    } catch {
      counts.failed++;
      over("no connection");
    }
  }

  function over(reason: string): void {
    if (session === undefined && link === undefined && reason !== "no connection") return;
    if (welcomedAt > 0) count(counts.ended, reason);
    for (const timer of timers) clearInterval(timer);
    timers.clear();
    link?.close();
    session = link = undefined;
    welcomedAt = 0;
    if (!stopped) setTimeout(dial, backoffMs(failures++, Math.random(), returnWithinMs));
  }

  function dial(): void {
    if (!stopped) connect().catch(() => over("no connection"));
  }

  /** Everything that an idle agent does, each at a phase of its own. */
  function work(intervals: Intervals): void {
    ({ heartbeatMs } = intervals);
    beat();
    const turns = Math.max(1, Math.round(intervals.containerSampleShipMs / intervals.hostSampleShipMs));
    let turn = Math.floor(Math.random() * turns);
    every(intervals.hostSampleShipMs, () => {
      // As the agent's: both are due at the same moment, and travel in one batch.
      const containers = turn++ % turns === 0 ? engine.containerIds() : [];
      const now = Date.now();
      ship([around.figures.host(now), ...containers.map((id) => around.figures.container(id, now))]);
    });
    flush();
  }

  /** As the agent does: saved while acknowledgements come. */
  function beat(): void {
    const { send, afterMs } = beats.next(Date.now(), heartbeatMs, "");
    if (send)
      session?.send({ $case: "heartbeat", value: { agentTime: new Date(), engineOk: true, engineProblem: "" } });
    const timer = setTimeout(() => {
      timers.delete(timer);
      beat();
    }, afterMs);
    timers.add(timer);
  }

  function every(ms: number, act: () => void): void {
    const first = setTimeout(() => {
      timers.delete(first);
      act();
      timers.add(setInterval(act, ms));
    }, Math.random() * ms);
    timers.add(first);
  }

  function ship(batches: ReturnType<FigureSource["host"]>[]): void {
    for (const value of batches) spool.add({ $case: "samples", value });
    flush();
  }

  function flush(): void {
    if (session === undefined || welcomedAt === 0) return;
    const waivesAnswer = (): boolean => beats.waivesAnswer(Date.now(), heartbeatMs);
    for (let batch = spool.next(waivesAnswer); batch !== undefined; batch = spool.next(waivesAnswer)) {
      session.send({ $case: "spoolBatch", value: batch });
    }
  }

  function observe(converged: boolean): void {
    session?.send({ $case: "observed", value: engine.observed(converged) });
  }

  function handle(kind: FromControlPlane): void {
    switch (kind.$case) {
      case "desiredState":
        return take(kind.value);
      case "heartbeatReply":
        return beats.replied(Date.now());
      case "spoolAck":
        beats.answered(Date.now());
        spool.acknowledged(kind.value.sequence);
        return flush();
      case "observeNow":
        return observe(true);
      case "actionRequest":
        return session?.send({ $case: "actionReply", value: { requestId: kind.value.requestId, problem: "" } });
      case "resolveRequest":
        return session?.send({ $case: "resolveReply", value: resolved(kind.value) });
      case "goodbye":
        count(counts.ended, kind.value.code);
        return;
      case "error":
        return count(counts.errors, kind.value.code);
      default:
        return;
    }
  }

  function take(desired: DesiredState): void {
    const now = Date.now();
    for (const { stackId, revision, policy } of desired.stacks) {
      const what = toldOf(stackId, revision, policy?.keepRevisions);
      if (!told.has(what)) told.set(what, now);
    }
    const missing = engine.take(desired);
    session?.send({ $case: "desiredStateReply", value: { generation: desired.generation, refused: "", code: "" } });
    converge(missing).catch(() => count(counts.errors, "no body"));
  }

  async function converge(missing: readonly string[]): Promise<void> {
    if (link === undefined) return;
    for (const digest of missing) {
      await ask(
        link,
        "/windflow.agent.v1.AgentService/FetchBody",
        FetchBodyRequest.encode({ digest, offset: 0n }).finish(),
      );
      counts.bodies++;
    }
    if (missing.length > 0) observe(false);
    await new Promise((resolve) => setTimeout(resolve, CONVERGE_LEAST_MS + Math.random() * CONVERGE_SPREAD_MS));
    observe(true);
  }

  return {
    member,
    engine,
    spool,
    told,
    get welcomedAt() {
      return welcomedAt;
    },
    start: dial,
    cut: () => link?.socket.destroy(),
    stop: () => {
      stopped = true;
      over("stopped");
    },
  };
}

/** What is told of a stack, in words; a policy that says nothing of kept revisions keeps 3. */
export const toldOf = (stackId: string, revision: number, kept: number = KEPT_REVISIONS): string =>
  `${stackId} ${revision} ${kept}`;
const KEPT_REVISIONS = 3;

type Value<Case extends string, Kind extends { $case: string; value: unknown }> = Extract<
  Kind,
  { $case: Case }
>["value"];

/** Every image is on the host and in no registry. */
function resolved({ requestId, images }: Value<"resolveRequest", FromControlPlane>) {
  const local = { repositoryDigest: "", imageId: `sha256:${"0".repeat(64)}`, platforms: [], problem: "", code: "" };
  return { requestId, images: images.map(({ reference }) => ({ ...local, reference })) };
}
