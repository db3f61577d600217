import type { ApiToken, AuthServiceService, Me } from "@windflow/proto/api";
import { readPage, type CallContext, type Handlers, type Principal } from "../api/index.ts";
import { commonErrors, ProblemError } from "../platform/index.ts";
import { expand } from "./permissions.ts";
import type { Account, SignIn } from "./sign-in.ts";
import type { Token } from "./store.ts";
import { TOKEN_LIST, type ApiTokens } from "./tokens.ts";

export function createAuthHandlers(signIn: SignIn, tokens: ApiTokens): Handlers<typeof AuthServiceService> {
  return {
    signIn: async (request, context) => {
      const { email, password } = request;
      const { secret, expiresAt, account } = await signIn.signIn(context.caller, {
        email,
        password,
        userAgent: context.userAgent,
      });
      context.cookie?.set(secret, expiresAt);
      return { me: toMe(account) };
    },
    signOut: async (_request, context) => {
      await signIn.signOut(context.caller, principalOf(context));
      context.cookie?.clear();
      return {};
    },
    getMe: async (_request, context) => meAs(await signIn.account(principalOf(context).userId), principalOf(context)),
    changePassword: async (request, context) => {
      const principal = principalOf(context);
      // A token that leaked must not become the account.
      if (principal.kind !== "user")
        throw new ProblemError({
          code: commonErrors.WF_PERMISSION_DENIED,
          detail: "a token cannot change the password",
        });
      await signIn.changePassword(context.caller, principal, {
        current: request.currentPassword,
        next: request.newPassword,
      });
      return {};
    },
    createApiToken: async (request, context) => {
      const { name, permissions, expiresInDays } = request;
      const created = await tokens.create(context.caller, principalOf(context).userId, {
        name,
        permissions,
        expiresInDays,
      });
      return { token: toApiToken(created.token), secret: created.secret };
    },
    listApiTokens: async (request, context) => {
      const answer = await tokens.list(context.caller, readPage(request.page, TOKEN_LIST));
      return { tokens: answer.tokens.map(toApiToken), nextPageToken: answer.nextPageToken };
    },
    revokeApiToken: async (request, context) => toApiToken(await tokens.revoke(context.caller, request.tokenId)),
  };
}

function principalOf(context: CallContext): Principal {
  if (context.principal === undefined) throw new ProblemError({ code: commonErrors.WF_UNAUTHENTICATED });
  return context.principal;
}

function toMe(account: Account): Me {
  const { user } = account;
  return {
    userId: user.id,
    email: user.email,
    displayName: user.displayName,
    mustChangePassword: user.mustChange,
    memberships: account.memberships.map((one) => ({
      organizationId: one.organizationId,
      organizationName: one.organizationName,
      permissions: [...expand(one.permissions)].sort(),
      environments: one.environments,
    })),
  };
}

/** A token is told what it may do itself, which is less than its owner may. */
function meAs(account: Account, principal: Principal): Me {
  const me = toMe(account);
  const memberships = me.memberships.flatMap((one) => {
    const own = principal.memberships.find((candidate) => candidate.organizationId === one.organizationId);
    return own === undefined ? [] : [{ ...one, permissions: [...own.permissions].sort() }];
  });
  return { ...me, memberships, mustChangePassword: principal.mustChangePassword };
}

function toApiToken(token: Token): ApiToken {
  return {
    id: token.id,
    name: token.name,
    prefix: token.shownPrefix,
    permissions: token.permissions,
    createdAt: token.createdAt,
    expiresAt: token.expiresAt ?? undefined,
    lastUsedAt: token.usedAt ?? undefined,
    revokedAt: token.revokedAt ?? undefined,
    createdBy: token.userId,
  };
}
