import type { AgentFrame } from "@windflow/proto/agent";
import type { LinkClass } from "@windflow/core";
import { type Shaper, classOfFrame, waits } from "../link/index.ts";

export type AgentKind = NonNullable<AgentFrame["kind"]>;
type Case = AgentKind["$case"];

/**
 * What happens to a frame when the link is slower than the agent. `latest`: a newer one of its kind takes its place.
 * `kept`: waits; its number is bounded by who asks for it (requests). `spool`: waits too, and for its own class, beside the others; its
 * bytes are bounded by the spool's window. `lossy`: the oldest goes.
 */
const LANE: Readonly<Record<Case, "latest" | "kept" | "spool" | "lossy">> = {
  hello: "kept",
  heartbeat: "latest",
  spoolBatch: "spool",
  observed: "latest",
  progress: "lossy",
  planReply: "kept",
  actionReply: "kept",
  error: "lossy",
  goodbye: "kept",
  desiredStateReply: "kept",
  resolveReply: "kept",
  projectReply: "kept",
  registryReply: "kept",
  agentUpdate: "latest",
  linkReport: "latest",
};

/** Progress of a whole host within a second or so; more than that nobody can watch. */
const MAX_LOSSY = 256;
/** Replies are one per request; a control plane that floods requests is cut off here. */
const MAX_KEPT = 1_024;

export interface Outgoing {
  /** False when the frame was refused because the queue is full. */
  send(kind: AgentKind): boolean;
  /** Frames dropped since the session began. */
  readonly dropped: number;
  /** The other side's frame ids, acknowledged with the next frame. */
  acknowledge(id: bigint): void;
}

export interface FrameSink {
  /** False when it would rather not take more until it drains; the frame was taken nevertheless. */
  write(frame: AgentFrame): boolean;
  onDrain(callback: () => void): void;
}

/**
 * The write queue of one session: bounded, never ahead of what the transport takes, nor of what the link's limits allow.
 * @param ended when the session is over: what waits for a limit then is forgotten.
 */
export function createOutgoing(
  sink: FrameSink,
  shaper: Pick<Shaper, "isReady" | "wait">,
  ended: AbortSignal,
): Outgoing {
  const latest = new Map<Case, AgentKind>();
  const kept: AgentKind[] = [];
  const spool: AgentKind[] = [];
  const lossy: AgentKind[] = [];
  const held = new Set<LinkClass>();
  let blocked = false;
  let nextId = 1n;
  let received = 0n;
  let dropped = 0;

  const mayGo = ({ $case }: AgentKind): boolean =>
    !waits({ kind: { $case } }) || shaper.isReady(classOfFrame($case), "sent");
  const takeFrom = (queue: AgentKind[]): AgentKind | undefined => {
    const place = queue.findIndex(mayGo);
    return place < 0 ? undefined : queue.splice(place, 1)[0];
  };
  const takeLatest = (): AgentKind | undefined => {
    const kind = [...latest.values()].find(mayGo);
    if (kind !== undefined) latest.delete(kind.$case);
    return kind;
  };
  const next = (): AgentKind | undefined => takeLatest() ?? takeFrom(kept) ?? takeFrom(spool) ?? takeFrom(lossy);

  // What stays behind goes on as soon as its class may.
  const waitFor = (name: LinkClass): void => {
    if (held.has(name)) return;
    const turn = ended.aborted ? undefined : shaper.wait(name, "sent", ended);
    if (turn === undefined) return;
    held.add(name);
    const go = (): void => {
      held.delete(name);
      if (!ended.aborted) pump();
    };
    turn.then(go, go);
  };
  const pump = (): void => {
    while (!blocked) {
      const kind = next();
      if (kind === undefined) {
        if (spool.length > 0) waitFor("metrics");
        if (latest.size + kept.length + lossy.length > 0) waitFor("control");
        return;
      }
      blocked = !sink.write({ id: nextId++, ack: received, kind });
    }
  };
  sink.onDrain(() => {
    blocked = false;
    pump();
  });

  const queue = (kind: AgentKind): boolean => {
    const lane = LANE[kind.$case];
    if (lane === "latest") latest.set(kind.$case, kind);
    else if (lane === "spool") spool.push(kind);
    else if (lane === "kept") {
      if (kept.length >= MAX_KEPT) return false;
      kept.push(kind);
    } else if (lossy.push(kind) > MAX_LOSSY) {
      lossy.shift();
      dropped++;
    }
    return true;
  };

  return {
    send: (kind) => {
      const taken = queue(kind);
      if (!taken) dropped++;
      pump();
      return taken;
    },
    get dropped() {
      return dropped;
    },
    acknowledge: (id) => {
      if (id > received) received = id;
    },
  };
}
