import { createPrivateKey, randomBytes, randomUUID } from "node:crypto";
import { AgentFrame } from "@windflow/proto/agent";
import { setTimeout as pause } from "node:timers/promises";
import type { Member } from "./enrol.ts";
import { hostReport } from "./host-report.ts";
import { openLink, type Endpoint, type Link } from "./link.ts";
import { openSession, type Session } from "./session.ts";

/** Ways to be a bad neighbour. */
export const MISDEEDS = ["never-reads", "floods", "huge", "garbage", "reconnects"] as const;
export type Misdeed = (typeof MISDEEDS)[number];

const FLOOD_AT_ONCE = 2_000;
const GARBAGE_BYTES = 200;
// Above the 8 MB that the control plane takes.
const HUGE_BYTES = 9 * 1024 * 1024;
const PAUSE_MS = 20;

const heartbeat = (): Uint8Array =>
  AgentFrame.encode({
    id: 1n,
    ack: 0n,
    kind: { $case: "heartbeat", value: { agentTime: new Date(), engineOk: true, engineProblem: "" } },
  }).finish();

/** What each does again and again on an open session; the number of frames that it sent. */
const deeds: Readonly<Record<Misdeed, (session: Session) => number>> = {
  // Asks for answers and takes none.
  "never-reads": (session) => {
    session.call.stream.pause();
    for (let i = 0; i < FLOOD_AT_ONCE; i++) session.call.send(heartbeat());
    return FLOOD_AT_ONCE;
  },
  floods: (session) => {
    for (let i = 0; i < FLOOD_AT_ONCE; i++) session.call.send(heartbeat());
    return FLOOD_AT_ONCE;
  },
  huge: (session) => {
    session.call.send(Buffer.alloc(HUGE_BYTES));
    return 1;
  },
  garbage: (session) => {
    session.call.send(randomBytes(GARBAGE_BYTES));
    return 1;
  },
  reconnects: (session) => {
    session.call.stream.destroy();
    return 0;
  },
};

/** Misbehaves for a time, opening a new session whenever one is ended. */
export async function misbehave(
  endpoint: Endpoint,
  member: Member,
  misdeed: Misdeed,
  forMs: number,
): Promise<{ sent: number; sessions: number }> {
  const until = Date.now() + forMs;
  const done = { sent: 0, sessions: 0 };
  while (Date.now() < until) {
    const link = await openLink(endpoint, member, undefined, () => undefined).catch(() => undefined);
    const over = new AbortController();
    const session = link === undefined ? undefined : await greet(link, member, () => over.abort());
    if (session !== undefined) done.sessions++;
    while (session !== undefined && !over.signal.aborted && Date.now() < until) {
      done.sent += deeds[misdeed](session);
      await pause(PAUSE_MS);
    }
    link?.close();
    await pause(PAUSE_MS);
  }
  return done;
}

function greet(link: Link, member: Member, onEnd: () => void): Promise<Session | undefined> {
  return new Promise((resolve) => {
    const session = openSession({
      link,
      hostId: member.hostId,
      key: createPrivateKey(member.privateKeyPem),
      hello: () => ({
        agentVersion: "0.1.0",
        host: hostReport(member.hostname),
        bootId: member.hostId,
        instanceId: randomUUID(),
        generation: undefined,
        observedDigest: "unknown",
        spoolId: member.hostId,
        agentTime: new Date(),
        sealingKey: member.sealingKey,
        agentUpdate: undefined,
        build: undefined,
        linkDigest: "",
        peerAddress: "",
      }),
      onWelcome: () => resolve(session),
      onFrame: () => undefined,
      onEnd: () => {
        onEnd();
        resolve(undefined);
      },
    });
  });
}
