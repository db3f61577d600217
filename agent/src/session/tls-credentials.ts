import { type Socket, isIP } from "node:net";
import { type SecureContext, type TLSSocket, connect, createSecureContext } from "node:tls";
import { CallCredentials, ChannelCredentials } from "@grpc/grpc-js";
import { AgentError } from "../errors.ts";
import { chainProblemAt, presentedChain } from "./chain-at.ts";

/** A server under a reconnect storm answers late; giving up earlier only adds handshakes. */
const HANDSHAKE_TIMEOUT_MS = 30_000;

/** What was said last is on its way by then. */
const FAREWELL_MS = 2_000;

export interface TlsOptions {
  /** Name or address that the server's certificate must be for. */
  readonly host: string;
  /** PEM; nothing else is trusted, whatever the machine's own store says. */
  readonly roots: string;
  /** Absent for enrolment, which has no certificate yet. */
  readonly client?: { readonly certificateChain: string; readonly privateKey: string };
  /** The latest moment that is known to have passed, milliseconds since the epoch. */
  readonly timeFloor: () => number;
  readonly now: () => number;
  /** Told of each connection, below its encryption. */
  readonly onSocket?: (socket: Socket) => void;
}

/**
 * TLS 1.3 with our own roots, resumption, and a check of the chain that survives a clock that fell back. It replaces
 * grpc-js's connector through an internal method, hence the pinned version and the test of resumption.
 */
export class TlsCredentials extends ChannelCredentials {
  readonly #options: TlsOptions;
  readonly #context: SecureContext;
  readonly #open = new Set<Socket>();
  #session: Buffer | undefined;

  constructor(options: TlsOptions) {
    super();
    this.#options = options;
    this.#context = createSecureContext({
      ca: options.roots,
      minVersion: "TLSv1.3",
      ...(options.client ? { cert: options.client.certificateChain, key: options.client.privateKey } : {}),
    });
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(): ReturnType<ChannelCredentials["_createSecureConnector"]> {
    const callCredentials = CallCredentials.createEmpty();
    return {
      connect: async (socket) => ({ socket: await this.#handshake(socket), secure: true }),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials,
      destroy: () => undefined,
    };
  }

  /** Ends the connections that there are now, a moment later: one whose other side is silent would never end by itself. */
  release(): void {
    const left = [...this.#open];
    setTimeout(() => {
      for (const socket of left) socket.destroy();
    }, FAREWELL_MS).unref();
  }

  #handshake(socket: Socket): Promise<TLSSocket> {
    const { host } = this.#options;
    this.#options.onSocket?.(socket);
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
    return new Promise((resolve, reject) => {
      const tls = connect({
        socket,
        host,
        secureContext: this.#context,
        // RFC 6066 allows no address here.
        ...(isIP(host) === 0 ? { servername: host } : {}),
        ALPNProtocols: ["h2"],
        // Judged below, where a clock that fell back can be told from an impostor.
        rejectUnauthorized: false,
        ...(this.#session ? { session: this.#session } : {}),
      });
      let settled = false;
      const fail = (error: Error): void => {
        // An error after the handshake is the link's end: the ticket is good for the next connection.
        if (settled) return;
        settled = true;
        this.#session = undefined;
        // Not within OpenSSL's own callback: grpc-js then destroys the socket underneath too, and Node 24 crashes on both at once.
        setImmediate(() => {
          tls.destroy();
          reject(error);
        });
      };
      tls.setTimeout(HANDSHAKE_TIMEOUT_MS, () =>
        fail(unreachable(`no TLS handshake within ${HANDSHAKE_TIMEOUT_MS / 1000} s`)),
      );
      tls.on("error", fail);
      // A link that breaks in the middle of it does not always count as an error.
      tls.once("close", () => fail(unreachable("the connection was closed during the TLS handshake")));
      tls.on("session", (session: Buffer) => {
        this.#session = session;
      });
      tls.once("secureConnect", () => {
        tls.setTimeout(0);
        const problem = this.#problemOf(tls);
        if (problem !== undefined) return fail(problem);
        settled = true;
        resolve(tls);
      });
    });
  }

  #problemOf(tls: TLSSocket): AgentError | undefined {
    const distrust = this.#distrustOf(tls);
    if (distrust !== undefined) return untrusted(this.#options.host, distrust);
    if (tls.alpnProtocol === "h2") return undefined;
    return unreachable("the server did not agree on HTTP/2; a proxy may stand between");
  }

  #distrustOf(tls: TLSSocket): string | undefined {
    if (tls.authorized) return undefined;
    const code = String(tls.authorizationError);
    const floor = this.#options.timeFloor();
    const clockFellBack = this.#options.now() < floor;
    if (!clockFellBack || !code.includes("CERT_NOT_YET_VALID")) return code;
    return chainProblemAt(presentedChain(tls), this.#options.roots, this.#options.host, floor);
  }
}

function untrusted(host: string, problem: string): AgentError {
  return new AgentError(
    "WF_SERVER_UNTRUSTED",
    `The certificate of ${host} is refused (${problem}). Nothing was sent. Check the address, the clock, and whether a proxy opens TLS connections.`,
  );
}

function unreachable(problem: string): AgentError {
  return new AgentError("WF_SERVER_UNREACHABLE", problem);
}
