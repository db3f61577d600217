import type { Duplex } from "node:stream";
import type Docker from "dockerode";
import { EngineError, type HookRequest, type HookResult } from "../../reconcile/engine.ts";
import { demultiplex } from "./demultiplex.ts";

// The end of an output says why a command failed; more is for the logs.
const OUTPUT_BYTES = 1_000;

/** Runs a command in a container, waits for its end and keeps the end of what it wrote. */
export async function runHook(docker: Docker, containerId: string, request: HookRequest): Promise<HookResult> {
  const exec = await docker.getContainer(containerId).exec({
    Cmd: [...request.command],
    AttachStdout: true,
    AttachStderr: true,
    Privileged: request.privileged,
    Env: Object.entries(request.environment).map(([name, value]) => `${name}=${value}`),
    ...(request.user === undefined ? {} : { User: request.user }),
    ...(request.workingDirectory === undefined ? {} : { WorkingDir: request.workingDirectory }),
  });
  const stream: Duplex = await exec.start({ hijack: true, stdin: false });
  const close = (): void => void stream.destroy(new Error("the wait for the hook was given up"));
  request.signal.addEventListener("abort", close, { once: true });
  try {
    const output = await endOf(stream);
    const { ExitCode } = await exec.inspect();
    // An engine that goes away ends the output as if the command had ended.
    if (ExitCode === null) throw new EngineError("the engine closed the connection before the hook ended", undefined);
    return { exitCode: ExitCode, output: output.toString().trim() };
  } finally {
    request.signal.removeEventListener("abort", close);
    stream.destroy();
  }
}

async function endOf(stream: Duplex): Promise<Buffer> {
  let kept = Buffer.alloc(0);
  for await (const { bytes } of demultiplex(stream)) kept = Buffer.concat([kept, bytes]).subarray(-OUTPUT_BYTES);
  return kept;
}
