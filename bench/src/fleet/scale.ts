/** How large, and for how long. */
export interface Scale {
  readonly agents: number;
  readonly workers: number;
  readonly openPerSecond: number;
  /** Before the steady cost is measured. */
  readonly settleMs: number;
  readonly steadyMs: number;
  /** The same with all agents: once around of what the control plane does at rest, which rolls figures up each five minutes. */
  readonly roundMs: number;
  readonly commands: number;
  readonly lists: number;
  readonly handshakes: number;
  readonly rolloutHosts: number;
  readonly misdeedMs: number;
  readonly peer: boolean;
  /** Longest wait for all agents to get anywhere. */
  readonly patienceMs: number;
}

const ROLLOUT_HOSTS = 1_000;

export function fullScale(agents: number): Scale {
  return {
    agents,
    workers: 2,
    openPerSecond: 300,
    settleMs: 10_000,
    steadyMs: 30_000,
    roundMs: 300_000,
    commands: 300,
    lists: 15,
    handshakes: Math.min(agents, 2_000),
    rolloutHosts: Math.min(agents, ROLLOUT_HOSTS),
    misdeedMs: 15_000,
    peer: true,
    patienceMs: 300_000,
  };
}

export const SMALL: Scale = {
  agents: 40,
  workers: 1,
  openPerSecond: 100,
  settleMs: 100,
  steadyMs: 1_000,
  roundMs: 1_000,
  commands: 5,
  lists: 1,
  handshakes: 8,
  rolloutHosts: 20,
  misdeedMs: 1_500,
  peer: false,
  patienceMs: 30_000,
};
