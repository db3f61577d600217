import { type ServiceError, status } from "@grpc/grpc-js";
import { PROTOCOL_VERSION } from "@windflow/proto";
import type { Challenge, ControlFrame } from "@windflow/proto/agent";
import { certificateValidity, type Identity } from "../enroll/identity.ts";
import { reasonOf } from "../platform/log.ts";
import { createTlsCredentials, openChannel } from "../session/channel.ts";
import type { ServerAddress } from "../session/server-address.ts";
import { type Finding, doubtful, well, wrong } from "./finding.ts";

// The control plane speaks first; a slow link takes a while.
const CHALLENGE_TIMEOUT_MS = 15_000;
// Half of a certificate's life is left when it is renewed: less than this, and nobody has renewed it for long.
const RENEWAL_OVERDUE_MS = 5 * 24 * 3_600_000;
// Metrics and events are dated by the host; the control plane takes off what it measures, up to a point.
const SKEW_WARNING_MS = 30_000;
const ENROLL_AGAIN = "Paste a new line from the control plane's page (Hosts, Add host); workloads go on meanwhile.";

/** Whether the certificate is one to come with, by this clock. */
export function judgeCertificate(chain: string, now: number): Finding {
  const { notBefore, notAfter } = certificateValidity(chain);
  const until = new Date(notAfter).toISOString();
  if (now >= notAfter) {
    return doubtful("certificate", {
      what: `this host's certificate ended ${until}`,
      why: "The agent renews it with the first connection; no host is lost to the calendar.",
      fix: "systemctl restart windflow-agent, once the hops before this one are well.",
    });
  }
  if (now < notBefore) {
    return doubtful("certificate", {
      what: `this host's certificate is good from ${new Date(notBefore).toISOString()} on, and the clock shows ${new Date(now).toISOString()}`,
      why: "The clock fell back.",
      fix: "timedatectl set-ntp true",
    });
  }
  if (notAfter - now < RENEWAL_OVERDUE_MS) {
    return doubtful("certificate", {
      what: `this host's certificate ends ${until} and has not been renewed`,
      why: "It is renewed at half of its life over an open session: there was none for long.",
      fix: "systemctl status windflow-agent",
    });
  }
  return well("certificate", `good until ${until}`);
}

export interface Knock {
  readonly address: ServerAddress;
  readonly identity: Identity;
  readonly privateKey: string;
  readonly timeFloor: () => number;
  readonly now: () => number;
}

/** Asks the control plane for its greeting, as a session would, and leaves: a running agent's session is not disturbed. */
export async function askForEntry(knock: Knock): Promise<{ authorization: Finding; clock?: Finding }> {
  const { address, identity, privateKey, timeFloor, now } = knock;
  const client = { certificateChain: identity.certificateChain, privateKey };
  const credentials = createTlsCredentials({
    host: address.host,
    roots: identity.trustedRoots,
    client,
    timeFloor,
    now,
  });
  const channel = openChannel(address, credentials);
  const askedAt = now();
  try {
    const challenge = await firstFrame(channel.client.connect());
    return { authorization: judgeProtocol(challenge), ...judgeClock(challenge, (askedAt + now()) / 2) };
  } catch (error) {
    return { authorization: refused(error) };
  } finally {
    channel.close();
  }
}

type Call = ReturnType<ReturnType<typeof openChannel>["client"]["connect"]>;

function firstFrame(call: Call): Promise<Challenge> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(error);
    };
    const timer = setTimeout(() => {
      call.cancel();
      fail(new Error(`no greeting within ${CHALLENGE_TIMEOUT_MS / 1000} s`));
    }, CHALLENGE_TIMEOUT_MS);
    call.on("error", fail);
    call.once("data", ({ kind }: ControlFrame) => {
      clearTimeout(timer);
      if (kind?.$case === "challenge") resolve(kind.value);
      else
        reject(new Error(kind?.$case === "goodbye" ? `${kind.value.code}: ${kind.value.message}` : "it did not greet"));
      call.cancel();
    });
  });
}

function judgeProtocol({ protocolMin, protocolMax }: Challenge): Finding {
  if (PROTOCOL_VERSION >= protocolMin && PROTOCOL_VERSION <= protocolMax)
    return well(
      "authorization",
      `the control plane knows this host and speaks protocol ${protocolMin} to ${protocolMax}; this agent ${PROTOCOL_VERSION}`,
    );
  return wrong("authorization", {
    what: `the control plane speaks protocol ${protocolMin} to ${protocolMax}, this agent ${PROTOCOL_VERSION}`,
    why: "They have no version of the protocol in common.",
    fix:
      PROTOCOL_VERSION < protocolMin ? "Update the agent: paste the install line again." : "Update the control plane.",
  });
}

function judgeClock({ serverTime }: Challenge, localMs: number): { clock?: Finding } {
  if (serverTime === undefined) return {};
  const aheadMs = Math.round(localMs - serverTime.getTime());
  const seconds = `${Math.abs(aheadMs) / 1000} s ${aheadMs < 0 ? "behind" : "ahead of"} the control plane's`;
  if (Math.abs(aheadMs) <= SKEW_WARNING_MS) return { clock: well("clock", `this clock is ${seconds}`) };
  return {
    clock: doubtful("clock", {
      what: `this clock is ${seconds}`,
      why: "What happens here is shown with corrected times, but containers and log lines carry this clock's.",
      fix: "timedatectl set-ntp true",
    }),
  };
}

function refused(error: unknown): Finding {
  const { code, details = "" } = error as Partial<ServiceError>;
  const what = details === "" ? reasonOf(error) : details;
  if (code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED) {
    return wrong("authorization", {
      what: `the control plane refuses this host: ${what}`,
      why: "The host was revoked or removed, or its key is not the one that was enrolled.",
      fix: ENROLL_AGAIN,
    });
  }
  return wrong("authorization", {
    what: `no greeting: ${what}`,
    why: "The connection stands, but the control plane did not begin the session.",
    fix: "Look into the log of the control plane; it may be starting, or be overloaded.",
  });
}
