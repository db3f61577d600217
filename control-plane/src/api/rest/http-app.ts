import helmet from "@fastify/helmet";
import { fastify, type FastifyError, type FastifyInstance } from "fastify";
import { createServer, type Server } from "node:https";
import { commonErrors, ProblemError, type Log, type NewId, type SparseLog } from "../../platform/index.ts";
import { problemBody, toProblem } from "../problems.ts";

// Compose files with their configs fit many times over; nothing else that is sent comes near.
export const BODY_BYTES: number = 8 * 1024 * 1024;
// Container ids have 64 characters, names of ours fewer.
const PARAMETER_CHARACTERS = 256;
// A client that needs longer for its headers or its body holds a connection for nothing.
const HEADERS_TIMEOUT_MS = 15_000;
const LOOK_FOR_SLOW_MS = 5_000;
const REQUEST_TIMEOUT_MS = 120_000;
const KEEP_ALIVE_MS = 72_000;

interface Parts {
  tls: { key: string; cert: string };
  newId: NewId;
  log: Log;
  refusals: SparseLog;
  /** How long a client may take for its headers, and how often that is looked at; for tests. */
  patience?: { headersMs: number; lookMs: number };
}

/** The HTTP side of the port: Fastify on a TLS server that gets its connections from the front door. */
export async function createHttpApp(parts: Parts): Promise<{ app: FastifyInstance; tls: Server }> {
  const { headersMs, lookMs } = parts.patience ?? { headersMs: HEADERS_TIMEOUT_MS, lookMs: LOOK_FOR_SLOW_MS };
  let tls: Server | undefined;
  const app = fastify({
    serverFactory: (handler) => {
      tls = createServer(
        {
          ...parts.tls,
          minVersion: "TLSv1.2",
          ALPNProtocols: ["http/1.1"],
          headersTimeout: headersMs,
          connectionsCheckingInterval: lookMs,
        },
        handler,
      );
      tls.requestTimeout = REQUEST_TIMEOUT_MS;
      tls.keepAliveTimeout = KEEP_ALIVE_MS;
      // The front door listens in its place; without this event Node never looks for connections that are too slow.
      tls.emit("listening");
      return tls;
    },
    bodyLimit: BODY_BYTES,
    routerOptions: { maxParamLength: PARAMETER_CHARACTERS },
    genReqId: () => parts.newId("req"),
    // A HEAD of a stream would open the stream.
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    logger: false,
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) => {
    try {
      done(null, body === "" ? undefined : JSON.parse(body.toString()));
    } catch (cause) {
      const detail = cause instanceof Error ? `the body is not JSON: ${cause.message}` : "the body is not JSON";
      done(new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, detail }), undefined);
    }
  });
  await secure(app);
  answerErrors(app, parts);
  await Promise.resolve();
  if (tls === undefined) throw new Error("Fastify made no server");
  return { app, tls };
}

async function secure(app: FastifyInstance): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", "data:"],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        manifestSrc: ["'self'"],
        workerSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    referrerPolicy: { policy: "no-referrer" },
    // A certificate of our own CA is accepted by hand at first: a browser that remembers HSTS would lock the person out.
    strictTransportSecurity: false,
  });
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
    reply.header("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()");
  });
}

function answerErrors(app: FastifyInstance, parts: Parts): void {
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    const problem = toProblem(ofFastify(error), {
      requestId: request.id,
      method: request.routeOptions.url ?? "",
      remoteAddress: request.socket.remoteAddress ?? "",
      log: parts.log,
      refusals: parts.refusals,
    });
    const body = problemBody(problem, request.id);
    if (problem.code.code === commonErrors.WF_RATE_LIMITED.code) reply.header("retry-after", "60");
    return reply
      .code(body.status)
      .header("content-type", "application/problem+json")
      .send(Buffer.from(JSON.stringify(body)));
  });
  app.setNotFoundHandler((request) => {
    throw new ProblemError({
      code: commonErrors.WF_NOT_FOUND,
      detail: `there is nothing at ${request.method} ${request.url.split("?")[0] ?? ""}`,
    });
  });
}

function ofFastify(error: FastifyError): unknown {
  switch (error.code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new ProblemError({
        code: commonErrors.WF_MESSAGE_TOO_LARGE,
        detail: `a body has at most ${BODY_BYTES} bytes`,
      });
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new ProblemError({ code: commonErrors.WF_UNSUPPORTED_MEDIA_TYPE });
    default:
      break;
  }
  if (!(error instanceof ProblemError) && error.statusCode !== undefined && error.statusCode < 500) {
    return new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, detail: error.message, cause: error });
  }
  return error;
}
