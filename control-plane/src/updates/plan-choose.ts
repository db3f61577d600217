import type { UpdateHostView } from "./model.ts";
import type { AgentUpdate } from "./model.ts";
import { refusalOf, runsIt } from "./plan-host.ts";

/** A host that an update may be about. */
export interface Candidate {
  readonly hostId: string;
  readonly hostName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly view: UpdateHostView;
  readonly awaitingApproval: boolean;
  readonly neverSeen: boolean;
}

export interface Chosen {
  readonly taken: readonly Candidate[];
  readonly already: readonly Candidate[];
  readonly refused: readonly { readonly host: Candidate; readonly cause: string }[];
}

/** Which hosts an update is about, which run the release already, and which cannot be brought to it, each with the reason. */
export function chooseHosts(
  update: Pick<AgentUpdate, "release">,
  candidates: readonly Candidate[],
  options: { readonly hasPermit: boolean; readonly compare: (a: string, b: string) => number },
): Chosen {
  const taken: Candidate[] = [];
  const already: Candidate[] = [];
  const refused: { host: Candidate; cause: string }[] = [];
  for (const host of candidates) {
    const cause = whyNot(update, host, options);
    if (runsIt(update, host.view)) already.push(host);
    else if (cause === undefined) taken.push(host);
    else refused.push({ host, cause });
  }
  return { taken, already, refused };
}

function whyNot(
  update: Pick<AgentUpdate, "release">,
  { view, awaitingApproval, neverSeen }: Candidate,
  { hasPermit, compare }: { readonly hasPermit: boolean; readonly compare: (a: string, b: string) => number },
): string | undefined {
  if (view.reach === "gone") return "it was revoked";
  if (awaitingApproval) return "it waits for approval: let it in first";
  // What it is will be seen when it connects.
  if (neverSeen) return undefined;
  const refusal = refusalOf(update, view);
  if (refusal !== undefined) return refusal;
  const { version } = view.runs;
  if (hasPermit || compare(update.release.version, version) >= 0) return undefined;
  return `it runs ${version}, which is newer: an older one takes a permit that the release key signed`;
}
