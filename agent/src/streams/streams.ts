import type { AgentServiceClient, OpenStreamCommand, StreamEnd } from "@windflow/proto/agent";
import { type BuildParts, streamBuild } from "../builds/index.ts";
import type { StreamsEngine } from "../engines/streams-engine.ts";
import { AgentError } from "../errors.ts";
import type { Shaper } from "../link/index.ts";
import { type Log, reasonOf } from "../platform/log.ts";
import type { SessionLink } from "../session/session.ts";
import { streamExec } from "./exec.ts";
import { streamHostShell } from "./host-shell.ts";
import { streamLogs } from "./logs.ts";
import { type StreamCall, openStreamCall } from "./stream-call.ts";

type Kind = NonNullable<OpenStreamCommand["kind"]>;
type Class = Kind["$case"];

/** Of the 128 streams that one connection has, so that no kind can starve another, nor the session itself. */
const MAX_OPEN: Readonly<Record<Class, number>> = { logs: 32, exec: 16, hostShell: 4, build: 1 };
const CLASS_NAME: Readonly<Record<Class, string>> = {
  logs: "log streams",
  exec: "terminals in containers",
  hostShell: "host shells",
  build: "builds",
};

export interface StreamsParts {
  readonly engine: Pick<StreamsEngine, "containerLogs" | "exec">;
  /** Whose shell the host gives; undefined: none. */
  readonly hostShellUser: string | undefined;
  readonly builds: BuildParts;
  readonly log: Log;
}

/** Opens the streams that a session asks for. */
export interface Streams {
  open(command: OpenStreamCommand, link: SessionLink): void;
  /** Some are open: they end with the session. */
  readonly isBusy: boolean;
}

export function createStreams(parts: StreamsParts): Streams {
  const { log } = parts;
  const open: Record<Class, number> = { logs: 0, exec: 0, hostShell: 0, build: 0 };

  const refusal = (kind: Kind | undefined): AgentError | undefined => {
    if (kind === undefined)
      return new AgentError(
        "WF_FRAME_INVALID",
        "This agent does not know that kind of stream; it may be older than the control plane.",
      );
    if (kind.$case === "hostShell" && parts.hostShellUser === undefined) {
      return new AgentError(
        "WF_NOT_ALLOWED",
        "This host gives no shell: its agent was installed without --allow-host-shell. The owner of the machine can install it again with that option.",
      );
    }
    if (open[kind.$case] < MAX_OPEN[kind.$case]) return undefined;
    return new AgentError(
      "WF_STREAM_LIMIT",
      `${MAX_OPEN[kind.$case]} ${CLASS_NAME[kind.$case]} are open on this host, which is the most it allows. Close one and try again.`,
    );
  };
  const run = (kind: Kind, call: StreamCall, client: AgentServiceClient): Promise<StreamEnd> => {
    switch (kind.$case) {
      case "build":
        log("info", "A build begins.", { buildId: kind.value.buildId });
        return streamBuild(kind.value, client, parts.builds, call);
      case "logs":
        return streamLogs(kind.value, parts.engine, call);
      case "exec":
        return streamExec(kind.value, parts.engine, call);
      case "hostShell":
        log("info", "A shell on this host was opened.", { actor: kind.value.actor });
        return streamHostShell(kind.value, parts.hostShellUser ?? "", call);
    }
  };
  const serve = async (
    command: OpenStreamCommand,
    call: StreamCall,
    { client, shaper }: SessionLink,
  ): Promise<StreamEnd> => {
    const { kind } = command;
    const refused = refusal(kind) ?? stopped(kind, shaper);
    if (refused !== undefined || kind === undefined) return problemEnd(refused);
    open[kind.$case]++;
    try {
      return await run(kind, call, client);
    } catch (error) {
      return problemEnd(error);
    } finally {
      open[kind.$case]--;
    }
  };

  return {
    get isBusy() {
      return Object.values(open).some((count) => count > 0);
    },
    open: (command, link) => {
      const call = openStreamCall(link.client, command.ticket, link.shaper);
      serve(command, call, link).then(
        (end) => call.end(end),
        (error: unknown) => log("error", "A stream failed.", { reason: reasonOf(error) }),
      );
    },
  };
}

function stopped(kind: Kind | undefined, shaper: Shaper): AgentError | undefined {
  if (kind?.$case === "build" || shaper.limitOf("logs") !== 0) return undefined;
  return new AgentError(
    "WF_LINK_STOPPED",
    "The link profile of this host lets no logs and terminals through now. Wait for its hours to end, or change the profile.",
  );
}

function problemEnd(error: unknown): StreamEnd {
  return { exitCode: -1, problem: reasonOf(error), code: error instanceof AgentError ? error.code : "WF_ENGINE" };
}
