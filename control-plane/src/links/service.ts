import { announce } from "../events/index.ts";
import {
  commonErrors,
  isUniqueViolation,
  ProblemError,
  type Caller,
  type Clock,
  type Database,
  type NewId,
  type UnitOfWork,
} from "../platform/index.ts";
import { linksErrors } from "./errors.ts";
import { linkProfilesChanged } from "./events.ts";
import type { LinkProfile, LinkRule } from "./model.ts";
import { deleteProfile, insertProfile, lockProfile, readProfiles, updateProfile } from "./store.ts";

/** @param rule of each is checked already */
export interface LinksService {
  create(caller: Caller, rule: LinkRule): Promise<LinkProfile>;
  /** An empty etag overwrites whatever is there. */
  update(caller: Caller, change: { profileId: string; rule: LinkRule; etag: string }): Promise<LinkProfile>;
  delete(caller: Caller, profileId: string): Promise<void>;
}

/** All of them are looked at for each host; rules by label need few. */
export const MOST_PROFILES = 200;

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly audit: {
    record(
      tx: UnitOfWork,
      caller: Caller,
      act: { action: string; targetKind: string; targetId: string; detail: Record<string, unknown> },
    ): Promise<void>;
  };
}

export function createLinksService({ database, clock, newId, audit }: Parts): LinksService {
  type Change = "created" | "updated" | "deleted";
  const verbs: Record<Change, string> = { created: "create", updated: "update", deleted: "delete" };

  /** The frame of every change: its work, then the audit trail, then those who listen. */
  async function change(
    caller: Caller,
    kind: Change,
    work: (tx: UnitOfWork) => Promise<{ profile: LinkProfile; before?: LinkRule }>,
  ): Promise<LinkProfile> {
    return database.inOrganization(caller, async (tx) => {
      const { profile, before } = await work(tx);
      const { organizationId, id, rule } = profile;
      announce(tx, { organizationId, kind: "link-profile", id, change: kind, at: clock.now() });
      tx.emit(linkProfilesChanged, { organizationId });
      const detail = { rule, ...(before === undefined ? {} : { before }) };
      await audit.record(tx, caller, {
        action: `links.${verbs[kind]}`,
        targetKind: "link-profile",
        targetId: id,
        detail,
      });
      return profile;
    });
  }

  return {
    create: (caller, rule) =>
      named(rule, () =>
        change(caller, "created", async (tx) => {
          const { organizationId } = caller;
          if ((await readProfiles(tx, organizationId)).length >= MOST_PROFILES) {
            const detail = `there are ${MOST_PROFILES} already`;
            throw new ProblemError({ code: linksErrors.WF_LINK_PROFILE_LIMIT, detail });
          }
          const profile = { id: newId("lnk"), organizationId, rule, version: 1 };
          await insertProfile(tx, profile, { by: caller.name, at: clock.now() });
          return { profile };
        }),
      ),
    update: (caller, { profileId, rule, etag }) =>
      named(rule, () =>
        change(caller, "updated", async (tx) => {
          const before = await requireProfile(tx, profileId);
          if (etag !== "" && etag !== String(before.version))
            throw new ProblemError({ code: commonErrors.WF_ETAG_MISMATCH });
          await updateProfile(tx, profileId, { rule, at: clock.now() });
          return { profile: await requireProfile(tx, profileId), before: before.rule };
        }),
      ),
    delete: async (caller, profileId) => {
      await change(caller, "deleted", async (tx) => {
        const profile = await requireProfile(tx, profileId);
        await deleteProfile(tx, profileId);
        return { profile };
      });
    },
  };
}

/** Of two that take a name at once, the second hears so. */
async function named<Result>({ name }: LinkRule, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (!isUniqueViolation(cause, "link_profiles_name")) throw cause;
    const detail = `There is a link profile ${name} already.`;
    throw new ProblemError({ code: commonErrors.WF_ALREADY_EXISTS, detail, cause });
  }
}

async function requireProfile(tx: UnitOfWork, profileId: string): Promise<LinkProfile> {
  const profile = await lockProfile(tx, profileId);
  if (profile !== undefined) return profile;
  const detail = `There is no link profile ${profileId} in this organization.`;
  throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail });
}
