import type { LinkSettings } from "@windflow/proto/agent";
import type { EventBus, UnitOfWork } from "../platform/index.ts";
import { linkProfilesChanged } from "./events.ts";
import type { LabelledHost, LinkProfile } from "./model.ts";
import { profileOf } from "./plan.ts";
import { settingsOf } from "./settings.ts";
import { readProfiles } from "./store.ts";

/**
 * The profiles of organizations, in memory until they change: ten thousand hosts that come back ask for them, and most have none.
 */
export interface LinkBook {
  /** What each of the hosts is to be told, in their order. In a unit of work that may read the organization. */
  settingsFor(tx: UnitOfWork, organizationId: string, hosts: readonly LabelledHost[]): Promise<LinkSettings[]>;
  /** False when the organization is known to have no profile, so that no host of it needs a look. */
  mayHave(organizationId: string): boolean;
}

export function createLinkBook(bus: Pick<EventBus, "on" | "onGap">): LinkBook {
  const known = new Map<string, readonly LinkProfile[]>();
  // Rises with each change, so that what was read before it is not taken for what is.
  let changes = 0;
  bus.on(linkProfilesChanged, ({ organizationId }) => {
    changes++;
    known.delete(organizationId);
  });
  bus.onGap(() => {
    changes++;
    known.clear();
  });
  return {
    settingsFor: async (tx, organizationId, hosts) => {
      const before = changes;
      const profiles = known.get(organizationId) ?? (await readProfiles(tx, organizationId));
      if (before === changes) known.set(organizationId, profiles);
      return hosts.map((host) => settingsOf(profileOf(profiles, host), host));
    },
    mayHave: (organizationId) => known.get(organizationId)?.length !== 0,
  };
}
