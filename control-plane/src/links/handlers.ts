import { clockOf, limitsAt } from "@windflow/core";
import type { HostLink, ImageCache, LinkProfilesServiceService } from "@windflow/proto/api";
import { pageOf, readPage, type Handlers } from "../api/index.ts";
import { listHostSummaries, type HostSummary } from "../hosts/index.ts";
import {
  commonErrors,
  ProblemError,
  type Caller,
  type Clock,
  type Database,
  type UnitOfWork,
} from "../platform/index.ts";
import { checkRule } from "./check.ts";
import type { LinkProfile } from "./model.ts";
import { linksOfHosts } from "./of-hosts.ts";
import { linkOf, profileOf } from "./plan.ts";
import type { LinkReports } from "./reports.ts";
import type { LinksService } from "./service.ts";
import { settingsOf } from "./settings.ts";
import { readProfiles } from "./store.ts";
import { limitMessage, profileMessage, ruleOf, usageMessages } from "./wire.ts";

/** Images that the control plane keeps for hosts. */
export type ReadImageCache = (caller: Caller) => Promise<ImageCache>;

export function linksHandlers(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly service: LinksService;
  readonly reports: LinkReports;
  readonly imageCache: ReadImageCache;
}): Handlers<typeof LinkProfilesServiceService> {
  const { database, clock, service, reports } = parts;
  const read = <Result>(caller: Caller, work: (tx: UnitOfWork) => Promise<Result>): Promise<Result> =>
    database.inOrganization(caller, work, { readOnly: true });
  const answer = async (caller: Caller, profile: LinkProfile) =>
    read(caller, async (tx) => profileMessage(profile, (await followers(tx, caller)).get(profile.id) ?? 0));

  return {
    listLinkProfiles: async (request, { caller }) => {
      const query = { list: "linkProfiles" };
      const page = readPage(request.page, query);
      const [order = -1, name = ""] = page.after ?? [];
      return read(caller, async (tx) => {
        const rest = (await readProfiles(tx, caller.organizationId)).filter(
          ({ rule }) => rule.order > Number(order) || (rule.order === Number(order) && rule.name > String(name)),
        );
        const { rows, nextPageToken } = pageOf(rest.slice(0, page.size + 1), page, query, ({ rule }) => [
          rule.order,
          rule.name,
        ]);
        const hosts = rows.length === 0 ? new Map<string, number>() : await followers(tx, caller);
        return { profiles: rows.map((row) => profileMessage(row, hosts.get(row.id) ?? 0)), nextPageToken };
      });
    },
    createLinkProfile: async ({ rule }, { caller }) =>
      answer(caller, await service.create(caller, checkRule(required(rule), ruleOf(rule)))),
    updateLinkProfile: async ({ profileId, rule, etag }, { caller }) => {
      const checked = checkRule(required(rule), ruleOf(rule));
      return answer(caller, await service.update(caller, { profileId, etag, rule: checked }));
    },
    deleteLinkProfile: async ({ profileId }, { caller }) => {
      await service.delete(caller, profileId);
      return {};
    },
    getHostLink: ({ hostId }, { caller }) =>
      read(caller, async (tx) => {
        const [host] = await listHostSummaries(tx, { hostIds: [hostId] });
        if (host === undefined) {
          const detail = `There is no host ${hostId} in this organization.`;
          throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail });
        }
        const profile = profileOf(await readProfiles(tx, caller.organizationId), host);
        const reported = await reports.of(tx, hostId);
        const { digest } = settingsOf(profile, host);
        const hosts = profile === undefined ? undefined : await followers(tx, caller);
        return {
          hostId,
          profile: profile && profileMessage(profile, hosts?.get(profile.id) ?? 0),
          followed: (reported?.digest ?? "") === digest,
          usage: usageMessages(reported?.usage ?? []),
          peerHostIds: profile === undefined ? [] : await peersOf(tx, profile, host),
          ...limitsNow(profile, clock.now()),
        };
      }),
    getImageCache: (_request, { caller }) => parts.imageCache(caller),
  };
}

function required<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error("a link profile passed validation without its rule");
  return value;
}

/** Profile → how many hosts follow it. */
async function followers(tx: UnitOfWork, { organizationId }: Caller): Promise<Map<string, number>> {
  const profiles = await readProfiles(tx, organizationId);
  const counts = new Map<string, number>();
  if (profiles.length === 0) return counts;
  for (const host of await listHostSummaries(tx)) {
    const id = host.revoked ? undefined : profileOf(profiles, host)?.id;
    if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

function limitsNow(profile: LinkProfile | undefined, now: Date): Pick<HostLink, "limitsNow" | "nextChangeAt"> {
  if (profile === undefined) return { limitsNow: [], nextChangeAt: undefined };
  const { limits, timeZone } = profile.rule;
  const { inForce, changesAt } = limitsAt(limits, clockOf(timeZone || "UTC"), now.getTime());
  return {
    limitsNow: [...inForce.values()].flatMap((index) => limits[index] ?? []).map(limitMessage),
    nextChangeAt: changesAt === undefined ? undefined : new Date(changesAt),
  };
}

/** Other hosts of the site that can be reached now. */
async function peersOf(tx: UnitOfWork, profile: LinkProfile, host: HostSummary): Promise<string[]> {
  const { siteLabel, siteValue } = linkOf(profile, host);
  if (siteValue === "") return [];
  const others = (await listHostSummaries(tx)).filter(
    ({ hostId, labels, presence }) =>
      hostId !== host.hostId && presence === "online" && labels[siteLabel] === siteValue,
  );
  const links = await linksOfHosts(tx, others);
  return others.map(({ hostId }) => hostId).filter((hostId) => links.get(hostId)?.siteLabel === siteLabel);
}
