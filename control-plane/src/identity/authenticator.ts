import type { Authenticator, Principal } from "../api/index.ts";
import { sha256, type EventBus, type UnitOfWork } from "../platform/index.ts";
import { createPrincipalCache } from "./principal-cache.ts";
import { rightsChanged, type IdentityParts } from "./parts.ts";
import { expand, intersect } from "./permissions.ts";
import {
  findSession,
  findTokenBySecret,
  findUser,
  membershipsOf,
  touchSession,
  touchToken,
  type User,
} from "./store.ts";

// A session that nobody used for a day is over, whatever is left of its week.
const IDLE_MS = 24 * 60 * 60_000;
// "Last used" is a hint for people: it is not worth a write for every call.
const TOUCH_MS = 60_000;

/** Looks up who stands behind a secret: what was taken away is gone at once. */
export function createAuthenticator(parts: IdentityParts & { bus: EventBus }): Authenticator {
  const { database, clock } = parts;

  async function principalOf(
    tx: UnitOfWork,
    user: User,
  ): Promise<Omit<Principal, "kind" | "id" | "name" | "sessionId">> {
    const memberships = await membershipsOf(tx, user.id);
    return {
      userId: user.id,
      mustChangePassword: user.mustChange,
      memberships: memberships.map((one) => ({
        organizationId: one.organizationId,
        organizationName: one.organizationName,
        permissions: expand(one.permissions),
      })),
    };
  }

  const cache = createPrincipalCache(clock);
  parts.bus.on(rightsChanged, (event) => cache.forget(event.userId));
  parts.bus.onGap(() => cache.forget(undefined));

  const bySession = (secret: string): Promise<Principal | undefined> =>
    database.asSystem(async (tx) => {
      const now = clock.now();
      const session = await findSession(tx, sha256(secret));
      if (session === undefined || session.expiresAt <= now || now.getTime() - session.seenAt.getTime() > IDLE_MS)
        return undefined;
      const user = await findUser(tx, session.userId);
      if (user === undefined || user.disabledAt !== null) return undefined;
      if (now.getTime() - session.seenAt.getTime() > TOUCH_MS) await touchSession(tx, session.id, now);
      return { kind: "user", id: user.id, name: user.email, sessionId: session.id, ...(await principalOf(tx, user)) };
    });

  const byBearer = (secret: string): Promise<Principal | undefined> =>
    database.asSystem(async (tx) => {
      const now = clock.now();
      const token = await findTokenBySecret(tx, sha256(secret));
      if (token === undefined || token.revokedAt !== null) return undefined;
      if (token.expiresAt !== null && token.expiresAt <= now) return undefined;
      const user = await findUser(tx, token.userId);
      if (user === undefined || user.disabledAt !== null) return undefined;
      if (token.usedAt === null || now.getTime() - token.usedAt.getTime() > TOUCH_MS)
        await touchToken(tx, token.id, now);
      const owner = await principalOf(tx, user);
      const granted = expand(token.permissions);
      return {
        kind: "token",
        id: token.id,
        name: token.name,
        sessionId: undefined,
        ...owner,
        // A token was made by somebody who had changed the password, or by the machine's own administrator.
        mustChangePassword: false,
        memberships: owner.memberships
          .filter((one) => one.organizationId === token.organizationId)
          .map((one) => ({ ...one, permissions: intersect(granted, one.permissions) })),
      };
    });

  return {
    bySession: (secret) => cache.get(`session ${secret}`, () => bySession(secret)),
    byBearer: (secret) => cache.get(`bearer ${secret}`, () => byBearer(secret)),
    onChange: (handler) => {
      const stops = [
        parts.bus.on(rightsChanged, (event) => handler(event.userId)),
        parts.bus.onGap(() => handler(undefined)),
      ];
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}
