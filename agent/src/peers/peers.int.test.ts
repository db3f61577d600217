import { createHash, createPrivateKey, randomBytes, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ticketSigner } from "@windflow/core";
import { freePort } from "@windflow/e2e/testbed";
import type { SitePeers } from "@windflow/proto/agent";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { certificateRequest } from "../enroll/certificate-request.ts";
import { loadOrCreateHostKeys } from "../enroll/host-keys.ts";
import { type ContentStore, openContentStore } from "../files/content-store.ts";
import { fetchLayer, type LayerSources } from "../images/fetch-layers.ts";
import { type Clock, systemClock } from "../platform/clock.ts";
import { createTestAuthority, type TestAuthority } from "../testing/certificate-authority.ts";
import { TICKET_HEADER } from "./layer-server.ts";
import { createPeers, type Peers } from "./peers.ts";

const ORGANIZATION = "org_test";
const LAYER_BYTES = 2_000_000;

interface Host {
  readonly hostId: string;
  readonly port: number;
  readonly keySha256: Buffer;
  readonly tls: { readonly cert: string; readonly key: string };
  readonly store: ContentStore;
  readonly peers: Peers;
  /** Bytes that came over its link, and from others. */
  linkBytes: number;
  peerBytes: number;
  get(content: Buffer): Promise<void>;
}

const signer = ticketSigner(randomBytes(32), ORGANIZATION);
let folder: string;
let authority: TestAuthority;
let hosts: Host[] = [];
/** What the control plane has, and how fast it gives it. */
const contents = new Map<string, Buffer>();
let pieceMs = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "windflow-peers-"));
  authority = await createTestAuthority();
  for (const name of ["hst_a", "hst_b", "hst_c"]) hosts.push(await newHost(name, authority));
  tellAll();
  await vi.waitUntil(async () => (await Promise.all(hosts.map((host) => ask(host)))).every((code) => code > 0), {
    timeout: 10_000,
  });
});
afterAll(() => {
  for (const { peers } of hosts) peers.stop();
  rmSync(folder, { recursive: true, force: true });
});

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const hostAt = (index: number): Host => {
  const host = hosts[index];
  if (host === undefined) throw new Error(`no host ${index}`);
  return host;
};
function sitePeers(except?: Host, others: readonly Host[] = hosts): SitePeers {
  return {
    peers: others
      .filter((host) => host !== except)
      .map(({ hostId, port, keySha256 }) => ({ hostId, address: `127.0.0.1:${port}`, keySha256 })),
    ticketKey: signer.publicKey,
  };
}
const tellAll = (): void => hosts.forEach((host) => host.peers.take(sitePeers(host)));
const ticketFor = (host: Pick<Host, "keySha256">, digest: string, forMs = 60_000): Uint8Array =>
  signer.sign({ keySha256: host.keySha256, digest, expiresAt: Date.now() + forMs });

async function newHost(hostId: string, by: TestAuthority, clock: Clock = systemClock): Promise<Host> {
  const own = mkdtempSync(join(folder, "host-"));
  const keys = loadOrCreateHostKeys(own);
  const cert = await by.sign(certificateRequest(keys.hostKey, hostId));
  const port = await freePort();
  const store = openContentStore(join(own, "layers"));
  const spki = new X509Certificate(cert).publicKey.export({ format: "der", type: "spki" });
  const key = createPrivateKey(keys.hostKeyPem).export({ format: "pem", type: "pkcs8" }) as string;
  const peers = createPeers({
    identity: {
      hostId,
      organizationId: ORGANIZATION,
      certificate: () => ({ chain: cert, key: keys.hostKeyPem, roots: authority.root }),
    },
    address: { text: `127.0.0.1:${port}`, host: "127.0.0.1", port },
    clock,
    log: () => undefined,
    isAllowed: () => true,
    onBytes: (count) => void (host.peerBytes += count),
  });
  peers.layers.serve(store);
  peers.start();
  const sources: LayerSources = {
    peer: peers.layers.find,
    ended: peers.layers.ended,
    link: () =>
      async function* (digest, offset) {
        const bytes = contents.get(digest) ?? Buffer.alloc(0);
        for (let at = offset; at < bytes.length; at += 65_536) {
          if (pieceMs > 0) await new Promise((resolve) => setTimeout(resolve, pieceMs));
          const piece = bytes.subarray(at, at + 65_536);
          host.linkBytes += piece.length;
          yield piece;
        }
      },
  };
  const host: Host = {
    hostId,
    port,
    keySha256: createHash("sha256").update(spki).digest(),
    tls: { cert, key },
    store,
    peers,
    linkBytes: 0,
    peerBytes: 0,
    get: async (content) => {
      const digest = digestOf(content);
      peers.layers.learn([{ digest, ticket: ticketFor(host, digest) }]);
      const layer = { digest, sizeBytes: content.length, diffId: digest, isZstd: false };
      const signal = AbortSignal.timeout(30_000);
      await fetchLayer(layer, { store, sources, clock: systemClock, signal, onBytes: () => undefined });
    },
  };
  return host;
}

/** The status that a host answers; 0 when it does not speak to us. */
function ask(host: Host, options: RequestOptions = {}): Promise<number> {
  return new Promise((resolve) => {
    const call = httpsRequest({
      host: "127.0.0.1",
      port: host.port,
      rejectUnauthorized: false,
      agent: false,
      ...options,
    });
    call.on("response", (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    call.on("error", () => resolve(0));
    call.end();
  });
}
const published = (): Buffer => {
  const content = randomBytes(LAYER_BYTES);
  contents.set(digestOf(content), content);
  return content;
};
const sum = (key: "linkBytes" | "peerBytes"): number => hosts.reduce((total, host) => total + host[key], 0);
const reset = (): void => {
  for (const host of hosts) host.linkBytes = host.peerBytes = 0;
};

test("three that want a layer at once bring it over the link once, and each byte is that of its digest", async () => {
  for (let round = 0; round < 5; round++) {
    reset();
    const content = published();
    await Promise.all(hosts.map((host) => host.get(content)));
    expect({ link: sum("linkBytes"), peers: sum("peerBytes") }).toEqual({ link: LAYER_BYTES, peers: 2 * LAYER_BYTES });
    for (const { store } of hosts) expect(store.has({ digest: digestOf(content), sizeBytes: LAYER_BYTES })).toBe(true);
  }
});

test("only a host of the site, with a ticket of its own for that layer that is not over, is given it", async () => {
  const content = published();
  const digest = digestOf(content);
  const [giver, other] = [hostAt(0), hostAt(1)];
  await giver.get(content);
  const foreignAuthority = await createTestAuthority();
  const stranger = await newHost("hst_stranger", authority);
  const foreigner = await newHost("hst_b", foreignAuthority);
  const path = `/v1/layers/${digest}`;
  const shown = (ticket: Uint8Array): Record<string, string> => ({
    [TICKET_HEADER]: Buffer.from(ticket).toString("base64url"),
  });
  const right = shown(ticketFor(other, digest));
  const cases: [string, RequestOptions, number][] = [
    ["all is right", { ...other.tls, path, headers: right }, 200],
    ["no certificate", { path, headers: right }, 403],
    ["no host of the site", { ...stranger.tls, path, headers: shown(ticketFor(stranger, digest)) }, 403],
    ["another authority", { ...foreigner.tls, path, headers: shown(ticketFor(foreigner, digest)) }, 403],
    ["no ticket", { ...other.tls, path }, 403],
    ["another host's ticket", { ...other.tls, path, headers: shown(ticketFor(stranger, digest)) }, 403],
    [
      "a ticket for another layer",
      { ...other.tls, path, headers: shown(ticketFor(other, digestOf(published()))) },
      403,
    ],
    ["a ticket that is over", { ...other.tls, path, headers: shown(ticketFor(other, digest, -1)) }, 403],
    ["a path", { ...other.tls, path: "/v1/layers/../host-key.pem", headers: right }, 403],
  ];
  for (const [name, options, code] of cases) expect({ name, code: await ask(giver, options) }).toEqual({ name, code });
  // The control plane has said that it is of the site no more.
  giver.peers.take(
    sitePeers(
      giver,
      hosts.filter((host) => host !== other),
    ),
  );
  expect(await ask(giver, { ...other.tls, path, headers: right })).toBe(403);
  tellAll();
  for (const { peers } of [stranger, foreigner]) peers.stop();
});

test("a host that gives other bytes, or is another than the one that was named, costs nothing but time", async () => {
  const content = published();
  const digest = digestOf(content);
  const [giver, taker] = [hostAt(0), hostAt(2)];
  await giver.get(content);
  writeFileSync(giver.store.pathOf(digest), randomBytes(LAYER_BYTES));
  reset();
  await taker.get(content);
  expect(taker.linkBytes).toBe(LAYER_BYTES);

  const second = published();
  await hostAt(1).get(second);
  // The address of one with the key of another: somebody stands between.
  const mixed = sitePeers(taker, [hostAt(1)]);
  taker.peers.take({ ...mixed, peers: mixed.peers.map((peer) => ({ ...peer, keySha256: giver.keySha256 })) });
  reset();
  await taker.get(second);
  expect({ link: taker.linkBytes, peers: taker.peerBytes }).toEqual({ link: LAYER_BYTES, peers: 0 });
  tellAll();
});

test("a host whose layer comes slowly is waited for as long as it comes", async () => {
  const content = published();
  const fetching = hostAt(0);
  const began = Date.now();
  // Quarter of an hour passes in half a second.
  const quick: Clock = { ...systemClock, now: () => began + (Date.now() - began) * 1_800 };
  const waiting = await newHost("hst_quick", authority, quick);
  waiting.peers.layers.learn([{ digest: digestOf(content), ticket: ticketFor(waiting, digestOf(content)) }]);
  const all = [fetching, waiting];
  for (const host of all) host.peers.take(sitePeers(host, all));
  reset();
  pieceMs = 60;
  const first = fetching.get(content);
  await vi.waitUntil(() => fetching.linkBytes > 0, { timeout: 20_000 });
  await Promise.all([first, waiting.get(content)]);
  pieceMs = 0;
  expect({ link: waiting.linkBytes, peers: waiting.peerBytes }).toEqual({ link: 0, peers: LAYER_BYTES });
  waiting.peers.stop();
  tellAll();
});

test("a host that is gone while it fetches is not waited for", async () => {
  const content = published();
  pieceMs = 20;
  reset();
  const given = hosts.map((host) => host.get(content));
  await vi.waitUntil(() => sum("linkBytes") > 200_000, { timeout: 20_000 });
  const fetching = hosts.find(({ linkBytes }) => linkBytes > 0);
  fetching?.peers.stop();
  pieceMs = 0;
  await Promise.all(given);
  expect(sum("linkBytes")).toBeLessThanOrEqual(2 * LAYER_BYTES);
  hosts = hosts.filter((host) => host !== fetching);
});
