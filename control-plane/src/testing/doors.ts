import { credentials, Metadata, type ChannelCredentials } from "@grpc/grpc-js";
import { readImage } from "@windflow/proto/image";
import { AuthServiceService } from "@windflow/proto/api";
import { createApi, type Api } from "../api/index.ts";
import { createAudit } from "../audit/index.ts";
import { createIdentity, type Identity } from "../identity/index.ts";
import { openCertificates } from "../hosts/index.ts";
import { createLog, createSealer, openPlatform, systemClock, type Log, type Platform } from "../platform/index.ts";
import { startTestDatabase } from "./database.ts";
import { createTestClient, type TestClient } from "./rest.ts";

export const DOORS_ADMIN = "admin@windflow.test";

/** The doors alone, with identity behind them and the test's own handlers: no other domain. */
export interface TestDoors {
  readonly api: Api;
  readonly identity: Identity;
  readonly platform: Platform;
  readonly port: number;
  readonly ca: string;
  readonly token: string;
  readonly organizationId: string;
  readonly firstPassword: string;
  readonly rest: TestClient;
  readonly grpc: { address: string; credentials: ChannelCredentials; metadata: Metadata };
  stop(): Promise<void>;
}

export async function startTestDoors(options: {
  register: (api: Api) => void;
  log?: Log;
  metricsToken?: string;
  uiFolder?: string;
}): Promise<TestDoors> {
  const log = options.log ?? createLog({ level: "silent" });
  const database = await startTestDatabase(log);
  const platform = await openPlatform({ connection: database.connection, clock: systemClock, log });
  const { newId, clock } = platform;
  const sealer = createSealer(new Uint8Array(32).fill(7));
  const audit = createAudit({ database: platform.database, clock, newId });
  const identity = createIdentity({ ...platform, audit });
  const names = { dns: ["localhost"], addresses: ["127.0.0.1"] };
  const certificates = await openCertificates({ ...platform, sealer, names });
  const { certificateChainPem, privateKeyPem } = certificates.server();
  const ca = certificates.rootsPem();
  const api = await createApi({
    platform,
    sealer,
    image: readImage(),
    authenticator: identity.authenticator,
    identity: { key: privateKeyPem, cert: certificateChainPem, agentAuthorities: ca, browser: undefined },
    origins: [],
    uiFolder: options.uiFolder,
    metricsToken: options.metricsToken,
  });
  api.registerService(AuthServiceService, identity.authHandlers);
  options.register(api);
  const first = await identity.firstStart.prepare(DOORS_ADMIN);
  const local = await identity.tokens.createLocal(DOORS_ADMIN, { name: "test", lifeMs: 3_600_000 });
  const port = await api.open(0, "127.0.0.1");
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${local.token}`);
  return {
    api,
    identity,
    platform,
    port,
    ca,
    token: local.token,
    organizationId: local.organizationId,
    firstPassword: first?.password ?? "",
    rest: createTestClient({ port, ca, headers: { authorization: `Bearer ${local.token}` } }),
    grpc: { address: `127.0.0.1:${port}`, credentials: credentials.createSsl(Buffer.from(ca)), metadata },
    stop: async () => {
      await api.close();
      await certificates.close();
      await platform.close();
      await database.stop();
    },
  };
}
