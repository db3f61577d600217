import { commonErrors, ProblemError, randomToken, systemCaller } from "../platform/index.ts";
import { rightsChanged, type IdentityParts } from "./parts.ts";
import { ALL } from "./permissions.ts";
import {
  deleteOtherSessions,
  findUserByEmail,
  insertEnvironment,
  insertMembership,
  insertOrganization,
  insertUser,
  isEmptyInstallation,
  membershipsOf,
  setPassword,
} from "./store.ts";

/** For the terminal only: never logged, never stored. */
export interface FirstPassword {
  email: string;
  password: string;
  expiresAt: Date;
}

export interface FirstStart {
  /** Makes the first organization, its environments and an administrator; undefined when there is one already. */
  prepare(email: string): Promise<FirstPassword | undefined>;
  /** Gives an account a new one-time password and ends its sessions. */
  resetPassword(email: string): Promise<FirstPassword>;
}

const ORGANIZATION = "default";
const ENVIRONMENTS = ["prod", "staging", "dev"];
const PASSWORD_BYTES = 15;
const PASSWORD_LIFE_MS = 24 * 60 * 60_000;

export function createFirstStart(parts: IdentityParts): FirstStart {
  const { database, clock, newId, audit, passwords } = parts;

  async function oneTimePassword(email: string): Promise<FirstPassword & { hash: string }> {
    const password = randomToken(PASSWORD_BYTES);
    const expiresAt = new Date(clock.now().getTime() + PASSWORD_LIFE_MS);
    return { email, password, expiresAt, hash: await passwords.hash(password) };
  }

  return {
    prepare: async (email) => {
      const { hash, ...first } = await oneTimePassword(email);
      return database.asSystem(async (tx) => {
        if (!(await isEmptyInstallation(tx))) return undefined;
        const now = clock.now();
        const organizationId = newId("org");
        const userId = newId("usr");
        await insertOrganization(tx, { id: organizationId, name: ORGANIZATION, created_at: now });
        for (const [index, name] of ENVIRONMENTS.entries()) {
          // One millisecond apart: the first environment is the one that is meant when none is named.
          const createdAt = new Date(now.getTime() + index);
          await insertEnvironment(tx, {
            id: newId("env"),
            organization_id: organizationId,
            name,
            created_at: createdAt,
          });
        }
        await insertUser(tx, {
          id: userId,
          email: email.toLowerCase(),
          display_name: "Administrator",
          password_hash: hash,
          password_must_change: true,
          password_expires_at: first.expiresAt,
          disabled_at: null,
          created_at: now,
        });
        await insertMembership(tx, {
          organization_id: organizationId,
          user_id: userId,
          permissions: [ALL],
          created_at: now,
        });
        await audit.record(tx, systemCaller("first start", organizationId), {
          action: "organizations.create",
          targetKind: "organization",
          targetId: organizationId,
          detail: { name: ORGANIZATION, administrator: email },
        });
        return first;
      });
    },

    resetPassword: async (email) => {
      const { hash, ...first } = await oneTimePassword(email);
      await database.asSystem(async (tx) => {
        const user = await findUserByEmail(tx, email.toLowerCase());
        if (user === undefined) {
          throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: `there is no user ${email}` });
        }
        await setPassword(tx, user.id, { hash, mustChange: true, expiresAt: first.expiresAt });
        await deleteOtherSessions(tx, user.id, undefined);
        for (const { organizationId } of await membershipsOf(tx, user.id)) {
          await audit.record(tx, systemCaller("terminal of the control plane", organizationId), {
            action: "users.resetPassword",
            targetKind: "user",
            targetId: user.id,
          });
        }
        tx.emit(rightsChanged, { userId: user.id });
      });
      return first;
    },
  };
}
