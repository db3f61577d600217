import { isTimeZone } from "@windflow/core";
import type { LinkLimit, LinkRule as LinkRuleMessage } from "@windflow/proto/api";
import { LinkLimit_Class } from "@windflow/proto/api";
import { commonErrors, ProblemError } from "../platform/index.ts";
import { labelViolations } from "../windows/index.ts";
import type { LinkRule } from "./model.ts";

// A session's own frames need some of it: below this a desired state would take hours.
const LEAST_CONTROL_BYTES = 1_000n;
const SITE_LABEL = /^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$/;

interface Violation {
  path: string;
  message: string;
}

/** What a rule says as a person wrote it. @throws ProblemError WF_INVALID_ARGUMENT with every place that makes no sense */
export function checkRule(message: LinkRuleMessage, rule: LinkRule): LinkRule {
  const violations: Violation[] = [
    ...labelViolations(rule.expressions, "a link profile"),
    ...message.limits.flatMap((limit, i) => limitViolations(limit, `rule.limits[${i}]`)),
  ];
  if (rule.timeZone !== "" && !isTimeZone(rule.timeZone))
    violations.push({
      path: "rule.timeZone",
      message: 'is no time zone: write a name such as "Europe/Paris" or "UTC"',
    });
  if (rule.siteLabel !== "" && !SITE_LABEL.test(rule.siteLabel))
    violations.push({ path: "rule.siteLabel", message: "a key has letters and digits, with . _ - / between them" });
  if (violations.length > 0) throw new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, violations });
  const limits = rule.limits.map((limit) => ({
    ...limit,
    weekdays: [...new Set(limit.weekdays)].toSorted((a, b) => a - b),
  }));
  return { ...rule, limits };
}

function limitViolations({ class: name, bytesPerSecond, from, until }: LinkLimit, path: string): Violation[] {
  const violations: Violation[] = [];
  if (name === LinkLimit_Class.CLASS_CONTROL && bytesPerSecond < LEAST_CONTROL_BYTES) {
    const message = `control needs at least ${LEAST_CONTROL_BYTES} bytes a second: the host would be cut off`;
    violations.push({ path: `${path}.bytesPerSecond`, message });
  }
  if ((from === "") !== (until === ""))
    violations.push({
      path: `${path}.${from === "" ? "from" : "until"}`,
      message: "hours have a beginning and an end",
    });
  else if (from !== "" && from === until)
    violations.push({
      path: `${path}.until`,
      message: "hours that end when they begin: leave both out for the whole day",
    });
  return violations;
}
