import { listHostSummaries } from "../hosts/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import type { WindowState } from "./model.ts";
import { windowStates } from "./plan.ts";
import { readWindows } from "./store.ts";

/**
 * Host → whether it may be changed now, and when that changes. A host that is missing may be changed at any time: its labels are not
 * read where the organization has no window.
 */
export async function windowsOf(
  tx: UnitOfWork,
  hostIds: readonly string[],
  now: Date,
): Promise<Map<string, WindowState>> {
  const rules = (await readWindows(tx)).flatMap(({ rule }) => (rule.disabled ? [] : [rule]));
  if (rules.length === 0 || hostIds.length === 0) return new Map();
  return windowStates(rules, await listHostSummaries(tx, { hostIds }), now.getTime());
}
