const PREFIX = "wfj_";
/** Bytes of randomness in a token: guessing one is out of reach at any rate. */
export const TOKEN_BYTES = 24;
const SHOWN_CHARACTERS = 10;
const TOKEN = /^wfj_[A-Za-z0-9_-]{32}$/;

export function tokenSecret(random: string): string {
  return PREFIX + random;
}

/** What lists show of a secret, to tell tokens apart. */
export function shownPrefix(secret: string): string {
  return secret.slice(0, SHOWN_CHARACTERS);
}

/** False for what cannot be a token, so that it is refused without a look into the database. */
export function looksLikeToken(text: string): boolean {
  return TOKEN.test(text);
}

export interface TokenState {
  expiresAt: Date;
  revokedAt: Date | undefined;
  uses: number;
  maxUses: number;
}

/** Why a token lets nobody in; undefined when it does. */
export function tokenRefusal(token: TokenState, now: Date): "revoked" | "expired" | "used-up" | undefined {
  if (token.revokedAt !== undefined) return "revoked";
  if (now >= token.expiresAt) return "expired";
  return token.uses >= token.maxUses ? "used-up" : undefined;
}
