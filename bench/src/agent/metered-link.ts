import { eventually } from "@windflow/e2e";
import type { Site } from "./site.ts";

// Settings go over the session within a moment; the rest is for a loaded machine.
const FOLLOWED_TIMEOUT_MS = 30_000;

/** Does something while each byte of the host's link costs. */
export async function withMeteredLink<T>({ installation }: Site, act: () => Promise<T>): Promise<T> {
  const { api, organization, hosts } = installation;
  const follows = (metered: boolean): Promise<unknown> =>
    eventually(
      `the host follows a link that is ${metered ? "" : "not "}metered`,
      FOLLOWED_TIMEOUT_MS,
      () => api.linkProfiles.getHostLink({ organization, hostId: hosts[0]?.hostId ?? "" }),
      ({ followed, profile }) => followed === true && (profile?.rule?.metered === true) === metered,
    );
  const { id: profileId = "" } = await api.linkProfiles.createLinkProfile({
    organization,
    rule: { name: "metered", order: 1, metered: true },
  });
  await follows(true);
  const done = await act();
  await api.linkProfiles.deleteLinkProfile({ organization, profileId });
  await follows(false);
  return done;
}
