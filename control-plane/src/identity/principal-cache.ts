import type { Principal } from "../api/index.ts";
import { sha256Hex, type Clock } from "../platform/index.ts";

/**
 * Remembers for a moment who stands behind a secret: a page asks for ten things at once. What changes a user's rights
 * or sessions is told to it before the change is answered, here and on the other replicas.
 */
export interface PrincipalCache {
  /** `credential` is the secret together with its kind: a session's secret is no token. */
  get(credential: string, lookUp: () => Promise<Principal | undefined>): Promise<Principal | undefined>;
  /** Forgets what is known of a user; of everybody, for undefined. */
  forget(userId: string | undefined): void;
}

// A change by hand in the database is seen after this long.
const LIFE_MS = 2_000;
const ENTRIES = 10_000;

export function createPrincipalCache(clock: Clock): PrincipalCache {
  const known = new Map<string, { principal: Principal; untilMs: number }>();
  // A look-up that began before a change must not be remembered after it.
  let changes = 0;

  return {
    get: async (credential, lookUp) => {
      const key = sha256Hex(credential);
      const entry = known.get(key);
      if (entry !== undefined && entry.untilMs > clock.monotonicMs()) return entry.principal;
      known.delete(key);
      const before = changes;
      const principal = await lookUp();
      // Unknown secrets are not remembered: guessing them must not push out the others.
      if (principal !== undefined && before === changes) {
        for (const oldest of known.keys()) {
          if (known.size < ENTRIES) break;
          known.delete(oldest);
        }
        known.set(key, { principal, untilMs: clock.monotonicMs() + LIFE_MS });
      }
      return principal;
    },
    forget: (userId) => {
      changes++;
      for (const [key, { principal }] of known) {
        if (userId === undefined || principal.userId === userId) known.delete(key);
      }
    },
  };
}
