import { agentsErrors } from "./errors.ts";
import type { Session } from "./session.ts";

/**
 * Which host is connected here. Behind an interface, so that with several control planes a proxy can stand in for
 * sessions of another replica.
 */
export interface SessionRegistry {
  /** The open session of the host. */
  find(hostId: string): Session | undefined;
  /**
   * Makes the session the host's one, by its committed epoch: an older one is told goodbye. False when a newer one is here
   * already; then it is this one that is told goodbye.
   */
  claim(session: Session): boolean;
  /** Forgets the session if it is still the host's one. */
  release(session: Session): void;
  /** Ends the host's session here if its epoch is lower: a newer one is open on another replica. */
  fence(hostId: string, epoch: bigint): void;
  all(): Session[];
  readonly size: number;
}

export function createRegistry(): SessionRegistry {
  const sessions = new Map<string, Session>();

  function supersede(session: Session, epoch: bigint): void {
    const message = `A newer session of this host (epoch ${epoch}) has replaced this one (epoch ${session.epoch}).`;
    session.end("superseded", { code: agentsErrors.WF_SESSION_SUPERSEDED, message });
  }

  return {
    find: (hostId) => sessions.get(hostId),
    claim: (session) => {
      const { hostId } = session.identity;
      const current = sessions.get(hostId);
      if (current !== undefined && current.epoch > session.epoch) {
        supersede(session, current.epoch);
        return false;
      }
      sessions.set(hostId, session);
      if (current !== undefined) supersede(current, session.epoch);
      return true;
    },
    release: (session) => {
      if (sessions.get(session.identity.hostId) === session) sessions.delete(session.identity.hostId);
    },
    fence: (hostId, epoch) => {
      const current = sessions.get(hostId);
      if (current === undefined || current.epoch >= epoch) return;
      sessions.delete(hostId);
      supersede(current, epoch);
    },
    all: () => [...sessions.values()],
    get size() {
      return sessions.size;
    },
  };
}
