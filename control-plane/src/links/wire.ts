import { type LinkClass, type LinkLimitRule, LINK_CLASSES, minuteOfDay } from "@windflow/core";
import {
  LinkLimit_Class,
  LinkRule_ImageSource,
  type LinkLimit,
  type LinkProfile as LinkProfileMessage,
  type LinkRule as LinkRuleMessage,
  type LinkUsage,
} from "@windflow/proto/api";
import { expressionMessage, expressionOf } from "../placement/index.ts";
import type { ClassUsage, ImageSource, LinkProfile, LinkRule } from "./model.ts";

const classes: Record<LinkClass, LinkLimit_Class> = {
  control: LinkLimit_Class.CLASS_CONTROL,
  metrics: LinkLimit_Class.CLASS_METRICS,
  logs: LinkLimit_Class.CLASS_LOGS,
  layers: LinkLimit_Class.CLASS_LAYERS,
};
const sources: Record<ImageSource, LinkRule_ImageSource> = {
  registry: LinkRule_ImageSource.IMAGE_SOURCE_REGISTRY,
  "registry-then-control-plane": LinkRule_ImageSource.IMAGE_SOURCE_REGISTRY_THEN_CONTROL_PLANE,
  "control-plane": LinkRule_ImageSource.IMAGE_SOURCE_CONTROL_PLANE,
};

export function ruleOf(message: LinkRuleMessage | undefined): LinkRule {
  if (message === undefined) throw new Error("a link profile passed validation without its rule");
  const { name, order, metered, timeZone, siteLabel } = message;
  const images = (Object.keys(sources) as ImageSource[]).find((source) => sources[source] === message.images);
  return {
    name,
    order,
    metered,
    timeZone,
    siteLabel,
    images: images ?? "registry",
    expressions: message.expressions.map(expressionOf),
    limits: message.limits.map(limitOf),
  };
}

function limitOf({ class: wire, bytesPerSecond, from, until, weekdays }: LinkLimit): LinkLimitRule {
  const name = LINK_CLASSES.find((known) => classes[known] === wire);
  if (name === undefined) throw new Error(`a limit passed validation with the class ${wire}`);
  const [fromMinute, untilMinute] = [minuteOfDay(from), minuteOfDay(until)];
  return { class: name, bytesPerSecond: Number(bytesPerSecond), fromMinute, untilMinute, weekdays };
}

export function profileMessage({ id, rule, version }: LinkProfile, hosts: number): LinkProfileMessage {
  const { expressions, limits, images, ...rest } = rule;
  return {
    id,
    etag: String(version),
    hosts,
    rule: {
      ...rest,
      images: sources[images],
      expressions: expressions.map(expressionMessage),
      limits: limits.map(limitMessage),
    },
  };
}

export function limitMessage(limit: LinkLimitRule): LinkLimit {
  const { class: name, bytesPerSecond, fromMinute, untilMinute, weekdays } = limit;
  const isAlways = fromMinute === 0 && untilMinute === 0;
  return {
    class: classes[name],
    bytesPerSecond: BigInt(bytesPerSecond),
    from: isAlways ? "" : clockText(fromMinute),
    until: isAlways ? "" : clockText(untilMinute),
    weekdays: [...weekdays],
  };
}

/** All classes, also of a host that has told nothing yet. */
export function usageMessages(usage: readonly ClassUsage[]): LinkUsage[] {
  return LINK_CLASSES.map((name) => {
    const used = usage.find((one) => one.class === name);
    return {
      class: classes[name],
      bytesSent: BigInt(used?.bytesSent ?? 0),
      bytesReceived: BigInt(used?.bytesReceived ?? 0),
      bytesFromPeers: BigInt(used?.bytesFromPeers ?? 0),
    };
  });
}

function clockText(minutes: number): string {
  const two = (number: number): string => String(number).padStart(2, "0");
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
