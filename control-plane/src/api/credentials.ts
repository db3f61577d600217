import type { Principal } from "./handlers.ts";

/** What identity does for both doors. */
export interface Authenticator {
  /** The person or token behind a bearer secret; undefined for an unknown, revoked or expired one. */
  byBearer(secret: string): Promise<Principal | undefined>;
  /** The person behind a browser session. */
  bySession(secret: string): Promise<Principal | undefined>;
  /**
   * Calls `handler` when rights or sessions of a user changed (of anybody, for undefined): the user's open streams ask
   * again. Returns how to stop.
   */
  onChange(handler: (userId: string | undefined) => void): () => void;
}

/** What came with a call, not yet looked up. */
export type Credential = { readonly kind: "bearer" | "session"; readonly secret: string } | undefined;

// Longer than any secret that we hand out: the rest is not worth a look-up.
const SECRET_CHARACTERS = 512;

/** The secret of `Authorization: Bearer …`. */
export function bearerOf(header: string | undefined): Credential {
  const secret = /^Bearer +(\S+)$/i.exec(header ?? "")?.[1];
  return secret === undefined || secret.length > SECRET_CHARACTERS ? undefined : { kind: "bearer", secret };
}

export async function recognise(authenticator: Authenticator, credential: Credential): Promise<Principal | undefined> {
  if (credential === undefined || credential.secret.length > SECRET_CHARACTERS) return undefined;
  return credential.kind === "bearer"
    ? authenticator.byBearer(credential.secret)
    : authenticator.bySession(credential.secret);
}
