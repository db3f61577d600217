import { createReadStream } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Server, createServer } from "node:https";
import type { TLSSocket } from "node:tls";
import { verifyTicket } from "@windflow/core";
import type { ContentStore } from "../files/content-store.ts";
import type { Clock } from "../platform/clock.ts";
import { createBucket } from "../link/bucket.ts";
import { type Log, reasonOf } from "../platform/log.ts";
import type { KnownPeers } from "./known-peers.ts";
import { peerKey, type SiteIdentity } from "./site-tls.ts";
import type { WantedLayers } from "./wanted-layers.ts";

/** Where a ticket is shown, base64url. */
export const TICKET_HEADER = "windflow-ticket";
export const STANDING_HEADER = "windflow-standing";
/** Of a layer that the host fetches: bytes that have come. */
export const RECEIVED_HEADER = "windflow-received";
export const LAYER_PATH = "/v1/layers/";

// A rack of hosts asks at once, each with one connection at a time.
const MOST_CONNECTIONS = 64;
// More at once would make each slower, and the disk busy for the workloads.
const BODIES_AT_ONCE = 4;
// Half of a gigabit network is left to the workloads.
const BYTES_PER_SECOND = 60_000_000;
const PIECE_BYTES = 64 * 1024;
const IDLE_MS = 30_000;

/** Gives layers that are here to hosts of the site that may have them. Says nothing to anybody else. */
export interface LayerServer {
  /** Resolves once it listens. */
  open(): Promise<void>;
  /** The certificate has changed. */
  renew(): void;
  close(): void;
}

export function createLayerServer(parts: {
  readonly address: { readonly host: string; readonly port: number };
  readonly identity: SiteIdentity;
  readonly peers: KnownPeers;
  readonly wanted: WantedLayers;
  readonly clock: Clock;
  readonly log: Log;
  store(): ContentStore | undefined;
}): LayerServer {
  const { address, identity, peers, wanted, clock, log } = parts;
  const bucket = createBucket(clock);
  bucket.setLimit(BYTES_PER_SECOND);
  let bodies = 0;

  async function serve(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const socket = request.socket as TLSSocket;
    const key = socket.authorized ? peerKey(socket) : undefined;
    const asking = key === undefined ? undefined : peers.byKey(key);
    if (key === undefined || asking === undefined) return refuse(answer, 403);
    const digest = request.url?.startsWith(LAYER_PATH) === true ? request.url.slice(LAYER_PATH.length) : "";
    const ticket = Buffer.from(String(request.headers[TICKET_HEADER] ?? ""), "base64url");
    const claim = {
      organizationId: identity.organizationId,
      keySha256: Buffer.from(key, "hex"),
      digest,
      now: clock.now(),
    };
    if (!verifyTicket(peers.ticketKey(), ticket, claim)) return refuse(answer, 403);
    const layer = parts
      .store()
      ?.list()
      .find((one) => one.digest === digest);
    if (layer === undefined) {
      const standing = wanted.answer(digest, asking.hostId);
      const received = standing === "fetching" ? parts.store()?.receivedBytes(digest) : 0;
      return refuse(answer, 404, standing, received);
    }
    if (request.method === "HEAD") return refuse(answer, 200, "have");
    if (request.method !== "GET") return refuse(answer, 405);
    if (bodies >= BODIES_AT_ONCE) return refuse(answer, 503);
    const path = parts.store()?.pathOf(digest) ?? "";
    await send(path, Math.min(offsetOf(request), layer.sizeBytes), layer.sizeBytes, answer);
  }

  async function send(path: string, offset: number, sizeBytes: number, answer: ServerResponse): Promise<void> {
    answer.writeHead(offset === 0 ? 200 : 206, { "content-length": sizeBytes - offset, [STANDING_HEADER]: "have" });
    bodies++;
    const file = createReadStream(path, { start: offset, highWaterMark: PIECE_BYTES });
    try {
      if (offset >= sizeBytes) return;
      for await (const piece of file as AsyncIterable<Buffer>) {
        await bucket.wait();
        if (answer.destroyed) return;
        bucket.spend(piece.length);
        if (!answer.write(piece)) await drained(answer);
      }
    } finally {
      bodies--;
      file.destroy();
      answer.end();
    }
  }

  const options = () => {
    const { chain, key, roots } = identity.certificate();
    return { cert: chain, key, ca: roots };
  };
  let server: Server | undefined;
  return {
    open: () =>
      new Promise((resolve, reject) => {
        server = createServer(
          // Judged for each request: a host that is not of the site hears nothing but that.
          { ...options(), requestCert: true, rejectUnauthorized: false, minVersion: "TLSv1.3" },
          (request, answer) => {
            serve(request, answer).catch((error: unknown) => {
              log("warn", "A layer could not be given to a host of the site.", { reason: reasonOf(error) });
              answer.destroy();
            });
          },
        );
        server.maxConnections = MOST_CONNECTIONS;
        server.setTimeout(IDLE_MS, (socket) => socket.destroy());
        server.once("error", reject);
        server.listen(address.port, address.host, () => {
          server?.removeListener("error", reject);
          server?.on("error", (error) =>
            log("warn", "The server for the site has failed.", { reason: reasonOf(error) }),
          );
          server?.unref();
          resolve();
        });
      }),
    renew: () => server?.setSecureContext(options()),
    close: () => {
      server?.closeAllConnections();
      server?.close();
    },
  };
}

function refuse(answer: ServerResponse, status: number, standing = "none", received = 0): void {
  answer.writeHead(status, { [STANDING_HEADER]: standing, [RECEIVED_HEADER]: received, "content-length": 0 }).end();
}

function offsetOf(request: IncomingMessage): number {
  return Number(/^bytes=(\d{1,15})-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
}

function drained(answer: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      answer.removeListener("drain", done).removeListener("close", done);
      resolve();
    };
    answer.on("drain", done).on("close", done);
  });
}
