import type { AuthServiceService } from "@windflow/proto/api";
import type { Authenticator, Handlers } from "../api/index.ts";
import type { EventBus } from "../platform/index.ts";
import { createAuthenticator } from "./authenticator.ts";
import { createFirstStart, type FirstStart } from "./first-start.ts";
import { createAuthHandlers } from "./handlers.ts";
import { createPasswords } from "./password.ts";
import type { IdentityParts } from "./parts.ts";
import { createSignIn } from "./sign-in.ts";
import { createApiTokens, type ApiTokens } from "./tokens.ts";

export { identityErrors } from "./errors.ts";
export type { FirstPassword } from "./first-start.ts";
export { rightsChanged } from "./parts.ts";
export type { Permission } from "./permissions.ts";

export interface Identity {
  readonly authenticator: Authenticator;
  readonly authHandlers: Handlers<typeof AuthServiceService>;
  readonly tokens: ApiTokens;
  readonly firstStart: FirstStart;
}

export function createIdentity(parts: Omit<IdentityParts, "passwords"> & { bus: EventBus }): Identity {
  const own = { ...parts, passwords: createPasswords() };
  const tokens = createApiTokens(own);
  return {
    authenticator: createAuthenticator(own),
    authHandlers: createAuthHandlers(createSignIn(own), tokens),
    tokens,
    firstStart: createFirstStart(own),
  };
}
