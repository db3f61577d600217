import type { ApiClient, Build } from "@windflow/proto/client";
import { asApiError } from "../../app/api.ts";
import type { BufferedLine } from "../logs/log-buffer.ts";
import { millisecondsOf, type ReadLines } from "../logs/log-stream.ts";
import { isBuilding } from "./build-state.ts";

/** After a broken stream; the control plane may be starting again. */
const RETRY_MS = 2_000;
/** Colours of services in turn: green, yellow, blue, magenta, cyan. */
const COLORS = [36, 35, 34, 33, 32];
const WIDEST_NAME = 18;

export interface BuildWatch {
  onBuild(build: Build): void;
  onLine(service: string, text: string): void;
  retryMs?: number;
}

/**
 * The output of a build as the lines of a log, each with the name of its service where there are several. A stream that breaks
 * is opened again; lines that were seen are not shown twice.
 */
export function buildLines(
  api: Pick<ApiClient, "builds">,
  request: { organization: string; buildId: string },
  watch: BuildWatch,
): ReadLines {
  return async (_, signal, onLines) => {
    let build: Build | undefined;
    let last = 0;
    do {
      try {
        for await (const { message } of api.builds.watchBuild(request, { signal })) {
          if (message.build !== undefined) watch.onBuild((build = message.build));
          const sequence = Number(message.sequence ?? 0);
          const dropped = Math.max(0, sequence - last - 1);
          if (sequence <= last) continue;
          last = sequence;
          if (message.line === undefined) continue;
          const service = message.service ?? "";
          watch.onLine(service, message.line);
          onLines([lineOf(message.line, service, message.at, build)], dropped);
        }
        if (!isBuilding(build)) return;
      } catch (error) {
        if (signal.aborted) return;
        const { status } = asApiError(error).problem;
        if (status >= 400 && status < 500) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, watch.retryMs ?? RETRY_MS));
    } while (!signal.aborted && (build === undefined || isBuilding(build)));
  };
}

function lineOf(line: string, service: string, at: string | undefined, build: Build | undefined): BufferedLine {
  const names = (build?.services ?? []).map((one) => one.service ?? "");
  const plain = { at: millisecondsOf(at), stderr: false };
  if (names.length < 2 || service === "") return { ...plain, text: line };
  const color = COLORS[Math.max(0, names.indexOf(service)) % COLORS.length];
  const width = Math.min(WIDEST_NAME, Math.max(...names.map((name) => name.length)));
  return { ...plain, text: `\u001b[${color}m${service.padEnd(width)}\u001b[39m ${line}` };
}
