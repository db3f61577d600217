import { serviceStateOf, type HostStackFacts, type ServiceStatus } from "./model.ts";

/** What a status is counted by, of hosts that stand alike. */
interface Counted {
  readonly presence: HostStackFacts["presence"];
  readonly lastSeenAt: Date | undefined;
  readonly desiredRevision: number;
  readonly isBlind: boolean;
  readonly report:
    | { readonly revision: number; readonly heldRevision: number; readonly serviceStates: readonly string[] }
    | undefined;
}

const WHENEVER = new Date(0);

/** Facts that count as those of any of the hosts. Whose they are, and why, is not in them. */
export function countedFacts({ presence, lastSeenAt, desiredRevision, isBlind, report }: Counted): HostStackFacts {
  return {
    hostId: "",
    hostName: "",
    presence,
    presenceCause: "",
    desiredRevision,
    engineProblem: isBlind ? "its engine cannot be asked" : "",
    ...(lastSeenAt === undefined ? {} : { lastSeenAt }),
    ...(report === undefined
      ? {}
      : {
          report: {
            revision: report.revision,
            heldRevision: report.heldRevision,
            services: report.serviceStates.map(serviceOf),
            observedAt: WHENEVER,
            confirmedAt: WHENEVER,
            problem: "",
            drift: [],
          },
        }),
  };
}

function serviceOf(word: string): ServiceStatus {
  const nothing = { containersRunning: 0, containersWanted: 0, containerIds: [], lastLogLines: [], evidence: [] };
  return { service: "", state: serviceStateOf(word), cause: "", ...nothing };
}
