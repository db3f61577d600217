import { connect } from "node:net";
import { request } from "node:http";
import type { GateProbe, ObservedContainer } from "@windflow/core";
import type { ReconcileEngine } from "../reconcile/engine.ts";
import { reasonOf } from "../platform/log.ts";

/** Of an answer that is looked through for a text. */
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_OUTPUT_CHARACTERS = 200;
const OK_FROM = 200;
const OK_TO = 399;

export interface CheckResult {
  readonly passed: boolean;
  /** What came back, in a sentence. */
  readonly cause: string;
}

/** Asks one container once. Never rejects: what goes wrong is the result. */
export async function checkOnce(
  { check }: Pick<GateProbe, "check">,
  container: ObservedContainer,
  peers: readonly ObservedContainer[],
  engine: Pick<ReconcileEngine, "runHook">,
  signal: AbortSignal,
): Promise<CheckResult> {
  try {
    if (check.kind === "exec") return await execute(check.command, container, engine, signal);
    const address = addressOf(container, peers);
    if (address === undefined)
      return failed(
        `${container.name} has no address that this host can reach: use a command in the container instead`,
      );
    return check.kind === "tcp" ? await dial(address, check.port, signal) : await get(address, check, signal);
  } catch (error) {
    return failed(signal.aborted ? "no answer in time" : reasonOf(error));
  }
}

/** `http :8080/healthz`; the same for every run of the same probe. */
export function probeName({ check }: Pick<GateProbe, "check">): string {
  switch (check.kind) {
    case "http":
      return `http :${check.port}${check.path}`;
    case "tcp":
      return `tcp :${check.port}`;
    case "exec":
      return `exec ${check.command.join(" ")}`.slice(0, MAX_OUTPUT_CHARACTERS);
  }
}

/** Its own, the host's, or that of the container whose network it uses. */
export function addressOf(container: ObservedContainer, peers: readonly ObservedContainer[]): string | undefined {
  if (container.networkMode === "host") return "127.0.0.1";
  const shared = /^container:(.+)$/.exec(container.networkMode)?.[1];
  const owner = shared === undefined ? container : peers.find(({ id, name }) => id === shared || name === shared);
  return owner?.networks.find(({ ipAddress }) => ipAddress !== undefined)?.ipAddress;
}

async function execute(
  command: readonly string[],
  container: ObservedContainer,
  engine: Pick<ReconcileEngine, "runHook">,
  signal: AbortSignal,
): Promise<CheckResult> {
  const request = { command, privileged: false, environment: {}, signal };
  const { exitCode, output } = await engine.runHook(container.id, request);
  const end = output.slice(-MAX_OUTPUT_CHARACTERS);
  return { passed: exitCode === 0, cause: `it ended with ${exitCode}${end === "" ? "" : `: ${end}`}` };
}

function dial(host: string, port: number, signal: AbortSignal): Promise<CheckResult> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    socket.once("connect", () => {
      socket.destroy();
      resolve({ passed: true, cause: "it takes connections" });
    });
    socket.once("error", reject);
  });
}

type HttpCheck = Extract<GateProbe["check"], { kind: "http" }>;

// Redirections are an answer and not followed: a probe asks the container, not what it points to.
function get(host: string, check: HttpCheck, signal: AbortSignal): Promise<CheckResult> {
  return new Promise((resolve, reject) => {
    const asked = request({ host, port: check.port, path: check.path, agent: false, signal }, (answer) => {
      const status = answer.statusCode ?? 0;
      const right = check.status === undefined ? status >= OK_FROM && status <= OK_TO : status === check.status;
      if (!right || check.contains === undefined) {
        answer.destroy();
        return resolve({ passed: right, cause: `status ${status}` });
      }
      let body = Buffer.alloc(0);
      const judge = (): void => {
        const found = body.includes(check.contains ?? "");
        resolve({ passed: found, cause: `status ${status}, ${found ? "with" : "without"} the text in its answer` });
      };
      answer.on("data", (bytes: Buffer) => {
        body = Buffer.concat([body, bytes]).subarray(0, MAX_ANSWER_BYTES);
        if (body.length < MAX_ANSWER_BYTES) return;
        answer.destroy();
        judge();
      });
      answer.once("end", judge);
      answer.once("error", reject);
    });
    asked.once("error", reject);
    asked.end();
  });
}

function failed(cause: string): CheckResult {
  return { passed: false, cause };
}
