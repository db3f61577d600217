import type { Counts } from "./agent.ts";
import type { Misdeed } from "./hostile.ts";
import type { Endpoint } from "./link.ts";

/** What the benchmark asks of a process with simulated agents; each is answered once. */
export interface Orders {
  /** Where to dial from now on. */
  aim: { order: { endpoint: Endpoint }; answer: null };
  enrol: { order: { token: string; hostnames: string[] }; answer: { enrolled: number } };
  /** Starts agents until so many run; answered at once. */
  run: { order: { agents: number; perSecond: number }; answer: null };
  tally: { order: Record<string, never>; answer: Tally };
  /** Cuts every connection. */
  cut: { order: Record<string, never>; answer: null };
  /** When each agent was first told of a revision, and how many of them to keep, milliseconds since the epoch. */
  told: { order: { stackId: string; revision: number; kept?: number }; answer: number[] };
  /** Connections that are opened and closed again, with tickets or without. */
  handshakes: { order: { count: number; resumed: boolean }; answer: { resumed: number } };
  /** One host that does not play by the rules, with the identity of an agent that is not running. */
  misbehave: { order: { misdeed: Misdeed; forMs: number }; answer: { sent: number; sessions: number } };
  /** Sessions with the bare server. */
  echo: { order: { sessions: number; perSecond: number }; answer: null };
  echoTally: { order: Record<string, never>; answer: { open: number; resumed: number } };
  /** Ends agents and sessions; the identities stay. */
  rest: { order: Record<string, never>; answer: null };
}

export interface Tally {
  readonly agents: number;
  readonly welcomed: number;
  readonly counts: Counts;
  readonly spool: { made: number; acknowledged: number; dropped: number; waiting: number };
}

export type OrderName = keyof Orders;
export interface OrderMessage {
  readonly id: number;
  readonly name: OrderName;
  readonly order: unknown;
}
export interface AnswerMessage {
  readonly id: number;
  readonly answer?: unknown;
  readonly problem?: string;
}
