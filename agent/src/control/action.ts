import { type ActionReply, type ActionRequest, ActionRequest_Action } from "@windflow/proto/agent";
import { reasonOf } from "../platform/log.ts";
import type { Reconciler } from "../reconcile/options.ts";

/** Does what an operator asked of one container and says how it went. */
export async function actionReply(request: ActionRequest, loop: Reconciler): Promise<ActionReply> {
  try {
    await act(request, loop);
    return { requestId: request.requestId, problem: "" };
  } catch (error) {
    return { requestId: request.requestId, problem: reasonOf(error) };
  }
}

async function act(request: ActionRequest, loop: Reconciler): Promise<void> {
  switch (request.action) {
    case ActionRequest_Action.ACTION_START:
      return loop.startContainer(request.containerId);
    case ActionRequest_Action.ACTION_STOP:
      return loop.stopContainer(request.containerId);
    case ActionRequest_Action.ACTION_RESTART:
      return loop.restartContainer(request.containerId);
    default:
      throw new Error(`This agent does not know the action ${request.action}; it may be older than the control plane.`);
  }
}
