import { eventType, type Clock, type Database, type EventType, type Log, type NewId } from "../platform/index.ts";
import type { Audit } from "../audit/index.ts";
import type { Passwords } from "./password.ts";

/** What the use cases of identity are built on. */
export interface IdentityParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: NewId;
  readonly audit: Audit;
  readonly passwords: Passwords;
}

/** A session ended, a token was revoked or rights changed: whoever holds a stream open asks again. */
export const rightsChanged: EventType<{ userId: string }> = eventType<{ userId: string }>("identity.rights-changed");
