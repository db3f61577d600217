import type { LinkLimit, LinkLimit_Class, LinkRule, LinkRule_ImageSource } from "@windflow/proto/client";
import { isZone } from "../../kit/weekdays.ts";
import { expressionFault } from "../stacks/label-expressions.ts";

export type ClassWord = "control" | "metrics" | "logs" | "layers";
export const CLASSES: Record<ClassWord, LinkLimit_Class> = {
  control: "CLASS_CONTROL",
  metrics: "CLASS_METRICS",
  logs: "CLASS_LOGS",
  layers: "CLASS_LAYERS",
};
const CLASS_WORDS: Record<LinkLimit_Class, ClassWord> = {
  CLASS_UNSPECIFIED: "control",
  CLASS_CONTROL: "control",
  CLASS_METRICS: "metrics",
  CLASS_LOGS: "logs",
  CLASS_LAYERS: "layers",
};
export const classWord = (limit: { class?: LinkLimit_Class | undefined }): ClassWord =>
  CLASS_WORDS[limit.class ?? "CLASS_UNSPECIFIED"];

export type SourceWord = "registry" | "registryThenControlPlane" | "controlPlane";
export const SOURCES: Record<SourceWord, LinkRule_ImageSource> = {
  registry: "IMAGE_SOURCE_REGISTRY",
  registryThenControlPlane: "IMAGE_SOURCE_REGISTRY_THEN_CONTROL_PLANE",
  controlPlane: "IMAGE_SOURCE_CONTROL_PLANE",
};
const SOURCE_WORDS: Record<LinkRule_ImageSource, SourceWord> = {
  IMAGE_SOURCE_UNSPECIFIED: "registry",
  IMAGE_SOURCE_REGISTRY: "registry",
  IMAGE_SOURCE_REGISTRY_THEN_CONTROL_PLANE: "registryThenControlPlane",
  IMAGE_SOURCE_CONTROL_PLANE: "controlPlane",
};
export const sourceWord = (rule: LinkRule | undefined): SourceWord =>
  SOURCE_WORDS[rule?.images ?? "IMAGE_SOURCE_UNSPECIFIED"];

export const KB = 1_000;
export const MB = 1_000_000;
/** The API's own: slower, and a session could not be kept. */
const CONTROL_AT_LEAST = KB;
const ORDER_AT_MOST = 100_000;
export const MAX_LIMITS = 50;

export type RateUnit = "kb" | "mb" | "stop";
/** How a rate is typed: the larger unit where it leaves no digits behind. */
export function typedRate(limit: LinkLimit): { amount: number | undefined; unit: RateUnit } {
  if (limit.bytesPerSecond === undefined) return { amount: undefined, unit: "kb" };
  const bytes = Number(limit.bytesPerSecond);
  if (bytes === 0) return { amount: 0, unit: "stop" };
  return bytes % (MB / 10) === 0 && bytes >= MB
    ? { amount: bytes / MB, unit: "mb" }
    : { amount: bytes / KB, unit: "kb" };
}
/** The limit with another rate; nothing typed is kept as what it is, to be told of when it is saved. */
export function withRate(limit: LinkLimit, amount: number | undefined, unit: RateUnit): LinkLimit {
  const { bytesPerSecond: _old, ...rest } = limit;
  if (unit === "stop") return { ...rest, bytesPerSecond: "0" };
  if (amount === undefined) return rest;
  return { ...rest, bytesPerSecond: String(Math.round(amount * (unit === "mb" ? MB : KB))) };
}
export const hasHours = (limit: LinkLimit): boolean =>
  limit.from !== undefined || limit.until !== undefined ? Boolean(limit.from || limit.until) : false;
/** From later than until: it ends on the next day. */
export const isOvernight = (limit: LinkLimit): boolean =>
  Boolean(limit.from && limit.until && limit.from > limit.until);

export type LimitFault = "rate" | "control" | "hours";
export function limitFault(limit: LinkLimit, timed: boolean): LimitFault | undefined {
  const bytes = limit.bytesPerSecond === undefined ? Number.NaN : Number(limit.bytesPerSecond);
  if (classWord(limit) === "control" && bytes === 0) return "control";
  if (Number.isNaN(bytes) || bytes < (classWord(limit) === "control" ? CONTROL_AT_LEAST : 0)) return "rate";
  return timed && (!limit.from || !limit.until || limit.from === limit.until) ? "hours" : undefined;
}
export type LinkFault = "name" | "order" | "expressions" | "zone" | "site";
export function linkFaults(rule: LinkRule): LinkFault[] {
  const { name = "", order = 0, expressions = [], timeZone = "", siteLabel = "" } = rule;
  const faults: LinkFault[] = [];
  if (name.trim() === "") faults.push("name");
  if (!Number.isInteger(order) || order < 0 || order > ORDER_AT_MOST) faults.push("order");
  if (expressions.some((one) => expressionFault(one) !== undefined)) faults.push("expressions");
  if (timeZone !== "" && !isZone(timeZone)) faults.push("zone");
  if (/\s/.test(siteLabel)) faults.push("site");
  return faults;
}

/** "2.5 MB/s": powers of 1,000, as links are sold. */
export function rateText(
  bytesPerSecond: string | number | undefined,
  units: { kb: string; mb: string },
  locale: string,
): string {
  const bytes = Number(bytesPerSecond ?? 0);
  const [amount, unit] = bytes >= MB ? [bytes / MB, units.mb] : [bytes / KB, units.kb];
  return `${amount.toLocaleString(locale, { maximumFractionDigits: 1 })} ${unit}`;
}
