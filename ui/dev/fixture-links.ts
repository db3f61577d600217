import type { HostLink, ImageCache, LinkProfile, LinkRule } from "@windflow/proto/client";
import { ago } from "./fixture-hosts.ts";
import type { Handler } from "./fixture-router.ts";
import { found, paged } from "./fixture-rows.ts";
import type { World } from "./fixture-world.ts";

const GIB = 1024 ** 3;

function makeProfiles(): LinkProfile[] {
  return [
    {
      id: "lnk_0",
      etag: "1",
      hosts: 38,
      rule: {
        name: "Cabinets on 4G",
        order: 10,
        metered: true,
        expressions: [{ key: "uplink", operator: "OPERATOR_IN", values: ["4g", "satellite"] }],
        timeZone: "Europe/Paris",
        images: "IMAGE_SOURCE_CONTROL_PLANE",
        siteLabel: "",
        limits: [
          { class: "CLASS_LAYERS", bytesPerSecond: "500000", from: "22:00", until: "05:30", weekdays: [1, 2, 3, 4, 5] },
          { class: "CLASS_LAYERS", bytesPerSecond: "0" },
          { class: "CLASS_LOGS", bytesPerSecond: "20000" },
        ],
      },
    },
    {
      id: "lnk_1",
      etag: "1",
      hosts: 412,
      rule: {
        name: "Plants",
        order: 20,
        expressions: [{ key: "kind", operator: "OPERATOR_EQUALS", values: ["plant"] }],
        timeZone: "Europe/Paris",
        images: "IMAGE_SOURCE_REGISTRY_THEN_CONTROL_PLANE",
        siteLabel: "site",
        limits: [
          {
            class: "CLASS_LAYERS",
            bytesPerSecond: "2500000",
            from: "07:00",
            until: "19:00",
            weekdays: [1, 2, 3, 4, 5, 6],
          },
        ],
      },
    },
    {
      id: "lnk_2",
      etag: "1",
      hosts: 0,
      rule: { name: "Everything else", order: 100, images: "IMAGE_SOURCE_REGISTRY" },
    },
  ];
}
const CACHE: ImageCache = {
  bytesUsed: String(Math.round(14.2 * GIB)),
  bytesLimit: String(20 * GIB),
  images: [
    ["registry.northwind.example/shop/web:4.0.1", 132_400_000, "ready", ""],
    ["registry.northwind.example/shop/api:4.1.1", 248_100_000, "fetching", ""],
    ["postgres:17", 451_000_000, "ready", ""],
    ["registry.northwind.example/vision/model:12", 6_120_000_000, "ready", ""],
    [
      "ghcr.io/northwind/press:2",
      0,
      "failed",
      "ghcr.io refused the credentials (401): the token of the registry “ghcr” may have expired.",
    ],
  ].map(([reference, size, state, problem], index) => ({
    reference: String(reference),
    digest: `sha256:${String(index).repeat(2)}${"5f7e3b1c9d7a".repeat(5)}`,
    platform: index === 3 ? "linux/arm64" : "linux/amd64",
    sizeBytes: String(size),
    fetchedAt: ago(7_000 + index * 40_000),
    lastUsedAt: ago(300 + index * 9_000),
    state: String(state),
    problem: String(problem),
  })),
};

/** Link profiles and the image cache, from a world in memory. */
export function makeLinkHandlers(world: World): Record<string, Handler> {
  let profiles = world.name === "empty" ? [] : makeProfiles();
  const of = (id: unknown): LinkProfile =>
    found(
      profiles.find((one) => one.id === id),
      "link profile",
    );
  const sort = (): void => void (profiles = profiles.toSorted((a, b) => (a.rule?.order ?? 0) - (b.rule?.order ?? 0)));
  return {
    "linkProfiles.listLinkProfiles": ({ page }) => {
      const { rows, nextPageToken } = paged(profiles, page);
      return { profiles: rows, nextPageToken };
    },
    "linkProfiles.createLinkProfile": ({ rule }) => {
      const next = { id: `lnk_${profiles.length}`, rule: rule as LinkRule, etag: "1", hosts: 4 };
      profiles.push(next);
      sort();
      return next;
    },
    "linkProfiles.updateLinkProfile": ({ profileId, rule }) => {
      const next = Object.assign(of(profileId), { rule });
      sort();
      return next;
    },
    "linkProfiles.deleteLinkProfile": ({ profileId }) =>
      void (profiles = profiles.filter((one) => one.id !== profileId)),
    "linkProfiles.getHostLink": ({ hostId }): HostLink => {
      const index = Number(String(hostId).slice(4));
      const profile = world.name === "empty" || index % 3 === 1 ? undefined : profiles[index % 3 === 0 ? 0 : 1];
      return {
        hostId: String(hostId),
        ...(profile === undefined ? {} : { profile, nextChangeAt: ago(-14_500) }),
        limitsNow:
          profile === undefined
            ? []
            : index % 3 === 0
              ? [
                  { class: "CLASS_LAYERS", bytesPerSecond: "0" },
                  { class: "CLASS_LOGS", bytesPerSecond: "20000" },
                ]
              : [{ class: "CLASS_LAYERS", bytesPerSecond: "2500000" }],
        followed: index !== 3,
        usage: [
          { class: "CLASS_CONTROL", bytesSent: "412000", bytesReceived: "133000" },
          { class: "CLASS_METRICS", bytesSent: "9120000", bytesReceived: "21000" },
          { class: "CLASS_LOGS", bytesSent: "31200000", bytesReceived: "4000" },
          { class: "CLASS_LAYERS", bytesSent: "88000", bytesReceived: "412000000", bytesFromPeers: "961000000" },
        ],
        peerHostIds: index % 3 === 2 ? world.hosts.slice(2, 5).map((host) => host.id!) : [],
      };
    },
    "linkProfiles.getImageCache": () => (world.name === "empty" ? { bytesLimit: String(20 * GIB) } : CACHE),
  };
}
