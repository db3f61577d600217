import type { sendUnaryData, StatusObject } from "@grpc/grpc-js";

/** Answers a unary call with the value, or with the status of the failure. */
export function replyTo<Response>(
  callback: sendUnaryData<Response>,
  response: Promise<Response>,
  statusOf: (error: unknown) => Partial<StatusObject>,
): void {
  const succeed = (value: Response): void => callback(null, value);
  const fail = (error: unknown): void => callback(statusOf(error));
  response.then(succeed, fail);
}
