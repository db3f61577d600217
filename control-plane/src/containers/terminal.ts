import { ProblemError } from "../platform/index.ts";
import type { ContainerStream } from "./ports.ts";
import { problemOf } from "./stream-end.ts";

export type TerminalInputItem = { readonly bytes: Uint8Array } | { readonly columns: number; readonly rows: number };

/** The person's end of a terminal, whatever carries it. */
export interface TerminalEnd {
  readonly input: AsyncIterable<TerminalInputItem>;
  /** Resolves when there is room for more. */
  write(output: Uint8Array, isError: boolean): Promise<void>;
}

export interface TerminalResult {
  readonly exitCode: number;
  /** Why it was closed; empty when the command ended by itself. */
  readonly reason: string;
}

/** Joins a person's terminal and a host's stream until one of them ends. Never rejects: the reason is in the result. */
export async function joinTerminal(
  stream: ContainerStream,
  end: TerminalEnd,
  signal: AbortSignal,
): Promise<TerminalResult> {
  const typing = type(stream, end.input, signal);
  try {
    for await (const message of stream.messages) {
      if (message.$case === "end") {
        const problem = problemOf(message.value);
        return { exitCode: message.value.exitCode, reason: problem?.detail ?? closedBecause(signal) };
      }
      if (message.$case !== "output" && message.$case !== "errorOutput") continue;
      await end.write(message.value, message.$case === "errorOutput");
      await stream.send({ $case: "credit", value: BigInt(message.value.length) });
    }
    return { exitCode: -1, reason: closedBecause(signal) || "the host closed the terminal" };
  } catch (error) {
    return { exitCode: -1, reason: closedBecause(signal) || reasonOf(error) };
  } finally {
    stream.close();
    // What is typed into a terminal that has ended goes nowhere.
    typing.catch(() => undefined);
  }
}

async function type(
  stream: ContainerStream,
  input: AsyncIterable<TerminalInputItem>,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const item of input) {
      if (signal.aborted) return;
      if ("bytes" in item) await stream.send({ $case: "input", value: item.bytes });
      else await stream.send({ $case: "resize", value: { columns: item.columns, rows: item.rows } });
    }
  } catch (error) {
    stream.close({ code: "WF_CANCELLED", problem: reasonOf(error) });
  }
}

function closedBecause(signal: AbortSignal): string {
  return signal.aborted ? reasonOf(signal.reason) : "";
}

function reasonOf(error: unknown): string {
  if (error instanceof ProblemError) return error.detail;
  return error instanceof Error && error.name !== "AbortError" ? error.message : "the person has left";
}
