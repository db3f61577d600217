import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import type { KnownPeer } from "./known-peers.ts";
import { LAYER_PATH, RECEIVED_HEADER, STANDING_HEADER, TICKET_HEADER } from "./layer-server.ts";
import { peerKey, type SiteIdentity } from "./site-tls.ts";
import type { LayerStanding } from "./wanted-layers.ts";

// On one site an answer comes within milliseconds; a host that is down must not keep an image waiting.
const ANSWER_MS = 3_000;
const SILENCE_MS = 20_000;
// A host that has as many connections as it takes closes others at once; it has room in a moment.
const TURNED_AWAY_MS = 300;
const MOST_TRIES = 4;
const STANDINGS: readonly LayerStanding[] = ["have", "fetching", "asking", "none"];

/** What a host says of a layer. */
export interface LayerWord {
  readonly standing: LayerStanding;
  /** Of one that it fetches: bytes that have come. */
  readonly receivedBytes: number;
}

/** Asks other hosts of the site. */
export interface LayerClient {
  /** What the host says of the layer; "none" when it does not answer. */
  wordOf(peer: KnownPeer, digest: string, ticket: Uint8Array): Promise<LayerWord>;
  /** The bytes from an offset on. The reader compares the digest. */
  read(peer: KnownPeer, digest: string, offset: number, ticket: Uint8Array): AsyncGenerator<Uint8Array>;
}

export function createLayerClient(identity: SiteIdentity): LayerClient {
  function ask(
    peer: KnownPeer,
    wanted: { readonly method: "HEAD" | "GET"; readonly digest: string; readonly offset: number },
    ticket: Uint8Array,
    silenceMs: number,
  ): Promise<IncomingMessage> {
    const { chain, key } = identity.certificate();
    return new Promise((resolve, reject) => {
      const call = httpsRequest({
        host: peer.host,
        port: peer.port,
        method: wanted.method,
        path: LAYER_PATH + wanted.digest,
        headers: {
          [TICKET_HEADER]: Buffer.from(ticket).toString("base64url"),
          ...(wanted.offset > 0 ? { range: `bytes=${wanted.offset}-` } : {}),
        },
        cert: chain,
        key,
        minVersion: "TLSv1.3",
        // The certificate of a host is for no server name: it is the key that the control plane named which counts.
        rejectUnauthorized: false,
        agent: false,
        timeout: silenceMs,
      });
      call.on("socket", (socket) => {
        const tls = socket as TLSSocket;
        tls.once("secureConnect", () => {
          if (peerKey(tls) !== peer.key) call.destroy(new Error(`${peer.host}:${peer.port} is not ${peer.hostId}`));
        });
      });
      call.on("timeout", () => call.destroy(new Error(`${peer.hostId} said nothing for ${silenceMs / 1000} s`)));
      call.on("error", reject);
      call.on("response", resolve);
      call.end();
    });
  }

  return {
    wordOf: async (peer, digest, ticket) => {
      for (let tries = 1; ; tries++) {
        try {
          const answer = await ask(peer, { method: "HEAD", digest, offset: 0 }, ticket, ANSWER_MS);
          answer.resume();
          const { [STANDING_HEADER]: standing, [RECEIVED_HEADER]: received } = answer.headers;
          return {
            standing: STANDINGS.find((one) => one === standing) ?? "none",
            receivedBytes: Number(received) || 0,
          };
        } catch (error) {
          if (tries === MOST_TRIES || !isTurnedAway(error)) return { standing: "none", receivedBytes: 0 };
          await sleep(TURNED_AWAY_MS * Math.random());
        }
      }
    },
    read: async function* (peer, digest, offset, ticket) {
      const answer = await ask(peer, { method: "GET", digest, offset }, ticket, SILENCE_MS);
      try {
        if (answer.statusCode !== 200 && answer.statusCode !== 206)
          throw new Error(`${peer.hostId} answers ${answer.statusCode ?? "nothing"}`);
        for await (const piece of answer as AsyncIterable<Buffer>) yield piece;
      } finally {
        answer.destroy();
      }
    },
  };
}

function isTurnedAway(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ECONNRESET";
}
