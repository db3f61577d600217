import type { HostReport, Reenroll } from "@windflow/proto/agent";
import type { Clock } from "../platform/clock.ts";
import { type Log, reasonOf } from "../platform/log.ts";
import { type Channel, type ChannelLink, createTlsCredentials, openChannel, renew } from "../session/channel.ts";
import { parseServerAddress } from "../session/server-address.ts";
import type { SessionLink } from "../session/session.ts";
import type { TlsCredentials } from "../session/tls-credentials.ts";
import type { WireMeter } from "../session/wire-meter.ts";
import type { KnownTime } from "../state/known-time.ts";
import { forgetFormer } from "./become-own.ts";
import { certificateRequest } from "./certificate-request.ts";
import type { HostKeys } from "./host-keys.ts";
import { type Identity, certificateValidity, saveIdentity } from "./identity.ts";
import { requireCertificates } from "./pinned-roots.ts";
import { reenroll } from "./reenroll.ts";
import { isExpired, renewalTime } from "./renewal-time.ts";

/** Timers of Node overflow beyond 24.8 days; looking again each day costs nothing. */
const LOOK_AGAIN_MS = 86_400_000;
/** After a renewal that failed; half of the certificate's life is left for this. */
const RETRY_MS = 600_000;

/** Holds who the host is, keeps its certificate young, and makes connections in its name. */
export interface IdentityKeeper {
  readonly identity: Identity;
  /** Renews first when the certificate is over: that is all an expired one may do. */
  open(): Promise<Channel>;
  /** Renews at half life over this session, and learns new roots. */
  attach(link: SessionLink, trustedRoots: string): void;
  /** This machine has the identity of another one: gets it one of its own, which the next start takes. @throws AgentError */
  enrolAnew(asked: Reenroll, report: HostReport): Promise<void>;
}

export interface IdentityKeeperParts {
  readonly folder: string;
  readonly identity: Identity;
  readonly keys: HostKeys;
  readonly clock: Clock;
  readonly knownTime: KnownTime;
  readonly log: Log;
  readonly wire: WireMeter;
  /** 0 to 1, the same for the life of the process. */
  readonly spread: number;
  /** How the next connection is to treat what it carries. */
  link(): ChannelLink;
}

export function createIdentityKeeper(parts: IdentityKeeperParts): IdentityKeeper {
  const { clock, keys, knownTime, log } = parts;
  const address = parseServerAddress(parts.identity.server);
  let identity = parts.identity;
  let credentials: TlsCredentials | undefined;

  const update = (change: Partial<Identity>): void => {
    identity = { ...identity, ...change };
    saveIdentity(parts.folder, identity);
    credentials = undefined;
  };
  const now = (): number => Math.max(clock.now(), knownTime.floor());
  const channel = (): Channel => {
    credentials ??= createTlsCredentials({
      host: address.host,
      roots: identity.trustedRoots,
      client: { certificateChain: identity.certificateChain, privateKey: keys.hostKeyPem },
      now: () => clock.now(),
      timeFloor: () => knownTime.floor(),
      onSocket: (socket) => parts.wire.follow(socket),
    });
    return openChannel(address, credentials, parts.link());
  };
  const renewOver = async (client: Channel["client"]): Promise<void> => {
    const reply = await renew(client, { certificateRequest: certificateRequest(keys.hostKey, identity.hostName) });
    certificateValidity(reply.certificateChain);
    const roots =
      reply.trustedRoots === "" ? identity.trustedRoots : requireCertificates(reply.trustedRoots, address.url);
    update({ certificateChain: reply.certificateChain, trustedRoots: roots });
    log("info", "The certificate was renewed.", { hostId: identity.hostId });
  };
  const replaceRoots = (trustedRoots: string): void => {
    try {
      update({ trustedRoots: requireCertificates(trustedRoots, address.url) });
      log("info", "The trusted roots were replaced.");
    } catch (error) {
      // The old ones still lead to this control plane: it has just been reached with them.
      log("error", "New trusted roots cannot be used; the old ones stay.", { reason: reasonOf(error) });
    }
  };
  const renewWhenDue = (link: SessionLink): void => {
    if (link.ended.aborted) return;
    const dueIn = renewalTime(certificateValidity(identity.certificateChain), parts.spread) - now();
    const wait = (ms: number): void => {
      const cancel = clock.after(ms, () => renewWhenDue(link));
      link.ended.addEventListener("abort", cancel, { once: true });
    };
    if (dueIn > 0) return wait(Math.min(dueIn, LOOK_AGAIN_MS));
    renewOver(link.client).then(
      () => wait(LOOK_AGAIN_MS),
      (error: unknown) => {
        log("warn", "The certificate could not be renewed; it is tried again.", {
          reason: reasonOf(error),
          delayMs: RETRY_MS,
        });
        wait(RETRY_MS);
      },
    );
  };

  return {
    get identity() {
      return identity;
    },
    open: async () => {
      if (isExpired(certificateValidity(identity.certificateChain), now())) {
        const expired = channel();
        try {
          await renewOver(expired.client);
        } finally {
          expired.close();
        }
      }
      return channel();
    },
    enrolAnew: async (asked, host) => {
      log("warn", "This machine enrols as a host of its own.", { hostId: identity.hostId, reason: asked.reason });
      await reenroll({ stateDir: parts.folder, identity, asked, host, now });
    },
    attach: (link, trustedRoots) => {
      // This identity has a session: what it took the place of is not needed any more.
      forgetFormer(parts.folder);
      if (trustedRoots !== "" && trustedRoots !== identity.trustedRoots) replaceRoots(trustedRoots);
      renewWhenDue(link);
    },
  };
}
