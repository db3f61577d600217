import { isFailed, type UpdateHost } from "./model.ts";

/** The hosts that a retry changes: failed ones as another attempt, and what their failures had stopped goes on. */
export function retriedHosts<Host extends UpdateHost>(hosts: readonly Host[]): { readonly changed: readonly Host[] } {
  const failed = hosts.filter(isFailed);
  if (failed.length === 0) return { changed: [] };
  const stopped = hosts.filter((host) => host.state === "cancelled" && host.supersededBy === undefined);
  return { changed: [...failed.map(again), ...stopped.map(goesOn)] };
}

function again<Host extends UpdateHost>(before: Host): Host {
  const { endedAt: _ended, toldAt: _told, report: _report, ...host } = before;
  return { ...(host as Host), state: "pending", cause: "tried again", begun: false, retries: before.retries + 1 };
}

// One that was told and left alone since is told as another attempt: what its agent said of the first says nothing of this.
function goesOn<Host extends UpdateHost>(before: Host): Host {
  const { endedAt: _ended, toldAt: _told, report: _report, ...host } = before;
  const retries = before.retries + Number(before.begun);
  return { ...(host as Host), state: "pending", cause: "it goes on", begun: false, retries };
}
