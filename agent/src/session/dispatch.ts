import type { ControlFrame, FrameError } from "@windflow/proto/agent";
import { AgentError } from "../errors.ts";
import { reasonOf } from "../platform/log.ts";

type ControlKind = NonNullable<ControlFrame["kind"]>;
/** Those that the session itself answers. */
type Greeting = "challenge" | "welcome" | "goodbye" | "reenroll";
type Case = Exclude<ControlKind["$case"], Greeting>;

/** One handler for each kind of frame; the compiler holds the list complete. */
export type FrameHandlers = {
  readonly [C in Case]: (value: Extract<ControlKind, { $case: C }>["value"]) => void | Promise<void>;
};

/**
 * Hands a frame to its handler. Whatever goes wrong there stays there: it comes back as the error frame to send, and the
 * session goes on.
 */
export async function dispatch(frame: ControlFrame, handlers: FrameHandlers): Promise<FrameError | undefined> {
  const { kind } = frame;
  if (kind === undefined) {
    return frameError(
      frame.id,
      new AgentError(
        "WF_FRAME_INVALID",
        "The frame is of a kind that this agent does not know; it may be older than the control plane.",
      ),
    );
  }
  if (isGreeting(kind)) return undefined;
  try {
    const handle: (value: never) => void | Promise<void> = handlers[kind.$case];
    await handle(kind.value as never);
    return undefined;
  } catch (error) {
    return frameError(frame.id, error);
  }
}

function isGreeting(kind: ControlKind): kind is Extract<ControlKind, { $case: Greeting }> {
  const { $case: name } = kind;
  return name === "challenge" || name === "welcome" || name === "goodbye" || name === "reenroll";
}

function frameError(frameId: bigint, error: unknown): FrameError {
  return { frameId, code: error instanceof AgentError ? error.code : "WF_FRAME_INVALID", message: reasonOf(error) };
}
