import { status, type ServerInterceptingCall, type ServerInterceptor } from "@grpc/grpc-js";
import { commonErrors, field, type SparseLog } from "../../platform/index.ts";

/**
 * Logs messages above the limit. grpc-js answers them by itself, before any handler: the status that it sends is the
 * only trace.
 */
export function tellOfLargeMessages(refusals: SparseLog): ServerInterceptor {
  return (method, call) => {
    const send = call.sendStatus.bind(call);
    call.sendStatus = (answer) => {
      if (answer.code === status.RESOURCE_EXHAUSTED && answer.metadata === undefined) {
        const fields = { [field.method]: method.path, [field.remoteAddress]: call.getPeer(), detail: answer.details };
        refusals.warn("A call was refused.", commonErrors.WF_MESSAGE_TOO_LARGE.code, fields);
      }
      send(answer);
    };
    // Itself and no wrapper, which would take every message of every session in hand once more: it has all that is called of one.
    return call as ServerInterceptingCall;
  };
}
