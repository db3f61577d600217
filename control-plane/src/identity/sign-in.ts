import { createRateLimiter, type Principal } from "../api/index.ts";
import { ProblemError, randomToken, sha256, type Caller, type UnitOfWork } from "../platform/index.ts";
import { identityErrors } from "./errors.ts";
import type { IdentityParts } from "./parts.ts";
import { rightsChanged } from "./parts.ts";
import {
  deleteExpiredSessions,
  deleteOtherSessions,
  deleteSession,
  findUser,
  findUserByEmail,
  insertSession,
  membershipsOf,
  setPassword,
  type MembershipRow,
  type User,
} from "./store.ts";

export interface Account {
  user: User;
  memberships: MembershipRow[];
}

export interface SignIn {
  /** Throws WF_SIGN_IN_FAILED, WF_FIRST_PASSWORD_EXPIRED or WF_RATE_LIMITED. */
  signIn(
    caller: Caller,
    attempt: { email: string; password: string; userAgent: string },
  ): Promise<{ secret: string; expiresAt: Date; account: Account }>;
  signOut(caller: Caller, principal: Principal): Promise<void>;
  account(userId: string): Promise<Account>;
  /** Ends every other session of the user. Throws WF_SIGN_IN_FAILED or WF_PASSWORD_REFUSED. */
  changePassword(caller: Caller, principal: Principal, change: { current: string; next: string }): Promise<void>;
}

const SECRET_BYTES = 32;
// A working week: who works every day is asked once a week.
const SESSION_MS = 7 * 24 * 60 * 60_000;
// From one address the limit is generous (an office shares one); for an account from one address it is what a person
// needs; for an account from everywhere it slows guessing, and is high so that a stranger cannot lock the owner out.
const BY_ADDRESS = { attempts: 60, windowMs: 60_000 };
const BY_PERSON = { attempts: 10, windowMs: 60_000 };
const BY_EMAIL = { attempts: 200, windowMs: 60_000 };
const USER_AGENT_CHARACTERS = 200;
const SHORTEST_PASSWORD = 12;

export function createSignIn(parts: IdentityParts): SignIn {
  const { database, clock, newId, audit, passwords } = parts;
  const byAddress = createRateLimiter({ ...BY_ADDRESS, clock });
  const byPerson = createRateLimiter({ ...BY_PERSON, clock });
  const byEmail = createRateLimiter({ ...BY_EMAIL, clock });

  async function requirePassword(user: User | undefined, password: string): Promise<User> {
    const matches = await passwords.verify(password, user?.passwordHash);
    if (user === undefined || !matches || user.disabledAt !== null) {
      throw new ProblemError({ code: identityErrors.WF_SIGN_IN_FAILED });
    }
    if (user.passwordExpiresAt !== null && user.passwordExpiresAt <= clock.now()) {
      throw new ProblemError({ code: identityErrors.WF_FIRST_PASSWORD_EXPIRED });
    }
    return user;
  }

  async function accountOf(tx: UnitOfWork, user: User): Promise<Account> {
    return { user, memberships: await membershipsOf(tx, user.id) };
  }

  /** The act stands in the chain of every organization that the user belongs to. */
  async function recordFor(tx: UnitOfWork, account: Account, caller: Caller, action: string): Promise<void> {
    const { user } = account;
    for (const { organizationId } of account.memberships) {
      const actor: Caller = { ...caller, kind: "user", id: user.id, name: user.email, organizationId };
      await audit.record(tx, actor, { action, targetKind: "user", targetId: user.id });
    }
  }

  return {
    signIn: async (caller, attempt) => {
      const email = attempt.email.trim().toLowerCase();
      byAddress.take(caller.remoteAddress);
      const person = `${email} ${caller.remoteAddress}`;
      byPerson.take(person);
      byEmail.take(email);
      const found = await database.asSystem((tx) => findUserByEmail(tx, email), { readOnly: true });
      const user = await requirePassword(found, attempt.password);
      byPerson.forget(person);
      const secret = randomToken(SECRET_BYTES);
      const now = clock.now();
      const expiresAt = new Date(now.getTime() + SESSION_MS);
      const account = await database.asSystem(async (tx) => {
        const signedIn = await accountOf(tx, user);
        await deleteExpiredSessions(tx, now);
        await insertSession(tx, {
          id: newId("ses"),
          organization_id: homeOf(signedIn),
          user_id: user.id,
          secret_sha256: sha256(secret),
          created_at: now,
          seen_at: now,
          expires_at: expiresAt,
          remote_address: caller.remoteAddress,
          user_agent: attempt.userAgent.slice(0, USER_AGENT_CHARACTERS),
        });
        await recordFor(tx, signedIn, caller, "auth.signIn");
        return signedIn;
      });
      return { secret, expiresAt, account };
    },

    signOut: async (_caller, principal) => {
      const { sessionId } = principal;
      if (sessionId === undefined) return;
      await database.asSystem(async (tx) => {
        await deleteSession(tx, sessionId);
        tx.emit(rightsChanged, { userId: principal.userId });
      });
    },

    account: (userId) =>
      database.asSystem(
        async (tx) => {
          const user = await findUser(tx, userId);
          if (user === undefined) throw new ProblemError({ code: identityErrors.WF_SIGN_IN_FAILED });
          return accountOf(tx, user);
        },
        { readOnly: true },
      ),

    changePassword: async (caller, principal, change) => {
      byPerson.take(`change ${principal.userId}`);
      const found = await database.asSystem((tx) => findUser(tx, principal.userId), { readOnly: true });
      const user = await requirePassword(found, change.current);
      requireAcceptable(change, user.email);
      const hash = await passwords.hash(change.next);
      await database.asSystem(async (tx) => {
        await setPassword(tx, user.id, { hash, mustChange: false, expiresAt: null });
        await deleteOtherSessions(tx, user.id, principal.sessionId);
        await recordFor(tx, await accountOf(tx, user), caller, "auth.changePassword");
        tx.emit(rightsChanged, { userId: user.id });
      });
    },
  };
}

function homeOf(account: Account): string {
  const [first] = account.memberships;
  // Somebody who belongs nowhere has nothing to sign in to, and is not told more than a stranger.
  if (first === undefined) throw new ProblemError({ code: identityErrors.WF_SIGN_IN_FAILED });
  return first.organizationId;
}

function requireAcceptable(change: { current: string; next: string }, email: string): void {
  const refuse = (message: string): never => {
    throw new ProblemError({
      code: identityErrors.WF_PASSWORD_REFUSED,
      detail: message,
      violations: [{ path: "newPassword", message }],
    });
  };
  if ([...change.next].length < SHORTEST_PASSWORD) refuse(`it has fewer than ${SHORTEST_PASSWORD} characters`);
  if (change.next === change.current) refuse("it is the current one");
  if (change.next.toLowerCase().includes(email)) refuse("it contains the e-mail address");
}
