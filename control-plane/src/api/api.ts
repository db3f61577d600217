import type { FastifyInstance } from "fastify";
import { createSparseLog, type Platform, type Sealer } from "../platform/index.ts";
import { addAgentService, type AgentHandlers } from "./agent-service.ts";
import { createCalls, type Calls, type RegisteredMethod } from "./call.ts";
import { readCatalog, type Catalog } from "./catalog.ts";
import type { Authenticator } from "./credentials.ts";
import { createFrontDoor, httpsIdentity, type DoorIdentity, type FrontDoor } from "./door/front-door.ts";
import { createTicketKeys } from "./door/ticket-keys.ts";
import { createGrpcDoor, type GrpcDoor } from "./grpc/server.ts";
import type { CallContext, Handlers, MethodDefinition, ServiceDefinition } from "./handlers.ts";
import { createIdempotency, type Idempotency } from "./idempotency.ts";
import { createMessages, type Messages } from "./messages.ts";
import { createFigures } from "./figures.ts";
import { addHealth } from "./health.ts";
import { addApiDocs } from "./openapi/pages.ts";
import { addUi } from "./static-pages.ts";
import { createHttpApp } from "./rest/http-app.ts";
import { addRoute } from "./rest/routes.ts";
import { addScrapes, type Scrapes } from "./scrapes.ts";
import { addTerminals, type Terminals } from "./terminals.ts";
import { createTickets, type Tickets } from "./tickets.ts";

/** The doors of the control plane. Domains register their handlers, then it is opened. */
export interface Api {
  readonly catalog: Catalog;
  readonly tickets: Tickets;
  readonly terminals: Terminals;
  readonly scrapes: Scrapes;
  /** For the few routes that are no methods: pages, health, files. Before `open`. */
  readonly http: FastifyInstance;
  /** Serves a service of the public API on gRPC and, by its annotations, on REST. */
  registerService<Definition extends object>(definition: Definition, handlers: Handlers<Definition>): void;
  /** Serves a service of the agent protocol, on gRPC only. */
  registerAgentService<Definition extends object>(definition: Definition, handlers: AgentHandlers<Definition>): void;
  /** The methods that have a handler, by their path. */
  readonly registered: ReadonlyMap<string, RegisteredMethod>;
  /** Resolves with the port. */
  open(port: number, address: string): Promise<number>;
  setIdentity(identity: DoorIdentity): void;
  close(): Promise<void>;
}

interface Parts {
  platform: Platform;
  image: Uint8Array;
  authenticator: Authenticator;
  sealer: Sealer;
  identity: DoorIdentity;
  /** Origins of the page besides the address of the request: a proxy in front may have another name. */
  origins: readonly string[];
  /** The built web application; absent in development. */
  uiFolder: string | undefined;
  metricsToken: string | undefined;
}

// The keys live for half a day: a replica that did not make the new ones learns of them soon after.
const TICKET_KEYS_MS = 10 * 60_000;
const SWEEP_MS = 60 * 60_000;

export async function createApi(parts: Parts): Promise<Api> {
  const { platform, origins } = parts;
  const { clock, log, newId, database } = platform;
  const catalog = readCatalog(parts.image);
  const messages: Messages = createMessages(catalog);
  const idempotency: Idempotency = createIdempotency({ database, clock, sealer: parts.sealer });
  const figures = createFigures();
  const refusals = createSparseLog(log);
  const calls: Calls = createCalls({ messages, authenticator: parts.authenticator, idempotency, clock, figures, log });
  const grpc: GrpcDoor = createGrpcDoor({ calls, newId, log, refusals });
  const { app, tls } = await createHttpApp({ tls: httpsIdentity(parts.identity), newId, log, refusals });
  addHealth(app, { database });
  const scrapes = addScrapes(app, {
    registry: figures.registry,
    authenticator: parts.authenticator,
    metricsToken: parts.metricsToken,
  });
  const tickets = createTickets({ database, sealer: parts.sealer, clock, newId });
  const terminals = await addTerminals(app, { tickets, origins, log });
  const door: FrontDoor = createFrontDoor({
    identity: parts.identity,
    onAgentConnection: (connection) => grpc.inject(connection),
    https: tls,
    log,
    refusals,
  });
  const registered = new Map<string, RegisteredMethod>();
  const sweeper = setInterval(() => {
    idempotency
      .sweep()
      .catch((error: unknown) => log.warn({ err: error }, "Old Idempotency-Keys could not be removed."));
  }, SWEEP_MS);
  sweeper.unref();
  const ticketKeys = createTicketKeys({ database, sealer: parts.sealer, clock });
  const shareTicketKeys = async (): Promise<void> => door.setTicketKeys(await ticketKeys.current());
  const ticketKeysTimer = setInterval(() => {
    shareTicketKeys().catch((error: unknown) => log.warn({ err: error }, "The ticket keys could not be read."));
  }, TICKET_KEYS_MS);
  ticketKeysTimer.unref();

  function register(definition: ServiceDefinition, handlers: Record<string, unknown>): void {
    const methods = methodsOf(definition, handlers, catalog);
    grpc.addService(methods);
    for (const method of methods.values()) {
      registered.set(method.catalog.path, method);
      const { http } = method.catalog;
      if (http !== undefined && !method.definition.requestStream)
        addRoute(app, method, http, { calls, messages, origins, log, refusals });
    }
  }

  return {
    catalog,
    tickets,
    terminals,
    scrapes,
    http: app,
    registered,
    registerService: (definition, handlers) =>
      register(definition as unknown as ServiceDefinition, handlers as unknown as Record<string, unknown>),
    registerAgentService: (definition, handlers) =>
      addAgentService(definition as unknown as ServiceDefinition, handlers as unknown as Record<string, unknown>, {
        door: grpc,
        onSettled: (connection) => door.settled(connection),
        newId,
        log,
        refusals,
      }),
    open: async (port, address) => {
      await addApiDocs(app, catalog);
      if (parts.uiFolder !== undefined) await addUi(app, parts.uiFolder);
      await app.ready();
      await shareTicketKeys();
      return door.listen(port, address);
    },
    setIdentity: (identity) => door.setIdentity(identity),
    close: async () => {
      clearInterval(sweeper);
      clearInterval(ticketKeysTimer);
      refusals.stop();
      door.stopListening();
      await calls.drain();
      await grpc.close();
      await door.close();
      await app.close();
    },
  };
}

function methodsOf(
  definition: ServiceDefinition,
  handlers: Record<string, unknown>,
  catalog: Catalog,
): Map<string, RegisteredMethod> {
  const methods = new Map<string, RegisteredMethod>();
  for (const [name, method] of Object.entries(definition)) {
    const described = catalog.methods.get(method.path);
    const handle = handlers[name];
    if (described === undefined)
      throw new TypeError(`${method.path} is not in the image of the protos: run npm run generate`);
    if (typeof handle !== "function") throw new TypeError(`${method.path} has no handler`);
    if (described.access === undefined) throw new TypeError(`${method.path} does not declare who may call it`);
    methods.set(name, {
      catalog: described,
      definition: method as unknown as MethodDefinition<unknown, object>,
      handle: (request: unknown, context: CallContext) => handle.call(handlers, request, context) as Promise<object>,
    });
  }
  return methods;
}
