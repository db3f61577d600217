import { readImage } from "@windflow/proto/image";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildApp, type App, type AppParts } from "../app.ts";
import {
  createLog,
  createSealer,
  installationKey,
  openPlatform,
  systemClock,
  type Clock,
  type Log,
  type Platform,
} from "../platform/index.ts";
import { startTestDatabase, type TestDatabase } from "./database.ts";
import { createTestClient, type TestClient } from "./rest.ts";

export const TEST_ADMIN = "admin@windflow.test";

/** A whole control plane on loopback, on a real database. */
export interface TestApp {
  readonly app: App;
  readonly platform: Platform;
  readonly database: TestDatabase;
  readonly port: number;
  readonly url: string;
  /** Root certificate of its authority, PEM. */
  readonly ca: string;
  readonly organizationId: string;
  /** The first environment ("prod"). */
  readonly environmentId: string;
  /** An API token with every permission. */
  readonly token: string;
  /** The administrator's one-time password, unused. */
  readonly firstPassword: string;
  /** Calls REST with the token. */
  readonly rest: TestClient;
  stop(): Promise<void>;
}

export interface TestAppOptions {
  clock?: Clock;
  log?: Log;
  /** On a database that is there already (a second replica, a restart); it is not stopped with the app. */
  database?: TestDatabase;
  /** Sealing keys live here; give the same one to a second app on the same database. */
  stateDirectory?: string;
  parts?: Partial<AppParts>;
  /** Where it listens and how it is called; loopback without it. */
  address?: string;
}

export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? createLog({ level: "silent" });
  const stateDirectory = options.stateDirectory ?? (await mkdtemp(join(tmpdir(), "windflow-keys-")));
  const database = options.database ?? (await startTestDatabase(log));
  const platform = await openPlatform({ connection: database.connection, clock, log });
  const address = options.address ?? "127.0.0.1";
  const app = await buildApp({
    platform,
    sealer: createSealer(await installationKey(stateDirectory)),
    image: readImage(),
    names: [...new Set(["localhost", "127.0.0.1", address])],
    origins: [],
    publicUrl: (port) => `https://${address}:${port}`,
    uiFolder: undefined,
    metricsToken: undefined,
    browserTls: undefined,
    ...options.parts,
  });
  const first = await app.identity.firstStart.prepare(TEST_ADMIN);
  const local = await app.identity.tokens.createLocal(TEST_ADMIN, {
    name: `tests ${platform.bus.replicaId}`,
    lifeMs: 3_600_000,
  });
  const port = await app.start(0, address);
  const ca = app.certificates.rootsPem();
  return {
    app,
    platform,
    database,
    port,
    url: `https://${address}:${port}`,
    ca,
    organizationId: local.organizationId,
    environmentId: local.environmentId,
    token: local.token,
    firstPassword: first?.password ?? "",
    rest: createTestClient({ address, port, ca, headers: { authorization: `Bearer ${local.token}` } }),
    stop: async () => {
      await app.close();
      if (options.database === undefined) await database.stop();
      if (options.stateDirectory === undefined) await rm(stateDirectory, { recursive: true, force: true });
    },
  };
}
