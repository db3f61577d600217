import { holds } from "../placement/index.ts";
import type { LabelledHost, LinkOfHost, LinkProfile, LinkRule } from "./model.ts";

/** The order in which profiles are tried. */
export function inOrder(profiles: readonly LinkProfile[]): LinkProfile[] {
  return profiles.toSorted(({ rule: a }, { rule: b }) => a.order - b.order || (a.name < b.name ? -1 : 1));
}

/** The first profile that is about the host. @param profiles in their order */
export function profileOf(profiles: readonly LinkProfile[], host: LabelledHost): LinkProfile | undefined {
  return profiles.find(({ rule }) => isAbout(rule, host));
}

export function linkOf({ id, rule }: LinkProfile, { labels }: Pick<LabelledHost, "labels">): LinkOfHost {
  const { name, metered, images, siteLabel } = rule;
  const siteValue = siteLabel === "" ? "" : (labels[siteLabel] ?? "");
  return { profileId: id, profileName: name, metered, images, siteLabel, siteValue };
}

function isAbout(rule: LinkRule, { labels }: LabelledHost): boolean {
  // What a host says of itself would let it choose its own link.
  return rule.expressions.every((expression) => holds(expression, { labels, facts: {} }, true));
}
