import { Metadata, type StatusObject } from "@grpc/grpc-js";
import { grpcStatusOf, type ProblemError } from "../../platform/index.ts";
import { BinaryWriter } from "@bufbuild/protobuf/wire";

const DOMAIN = "windflow";
// Metadata travels in headers, which proxies limit to some 8 kB; the first violations are enough for a person.
const VIOLATIONS = 20;

/**
 * The gRPC form of a problem: the status, and in `grpc-status-details-bin` a google.rpc.Status with ErrorInfo
 * (reason = our code) and BadRequest. Clients that know neither see the code at the start of the message.
 */
export function grpcStatus(problem: ProblemError, requestId: string): Partial<StatusObject> {
  const code = grpcStatusOf(problem.code);
  const message = `${problem.code.code}: ${problem.detail}`;
  const details = [anyOf("google.rpc.ErrorInfo", errorInfo(problem, requestId))];
  if (problem.violations.length > 0) details.push(anyOf("google.rpc.BadRequest", badRequest(problem)));
  const metadata = new Metadata();
  metadata.set("x-request-id", requestId);
  metadata.set("grpc-status-details-bin", Buffer.from(statusBytes(code, message, details)));
  return { code, details: message, metadata };
}

// The four messages of google.rpc are written here by their field numbers: (google/rpc/status.proto, error_details.proto).
function statusBytes(code: number, message: string, details: readonly Uint8Array[]): Uint8Array {
  const writer = new BinaryWriter().uint32(8).int32(code).uint32(18).string(message);
  for (const detail of details) writer.uint32(26).bytes(detail);
  return writer.finish();
}

function anyOf(type: string, value: Uint8Array): Uint8Array {
  return new BinaryWriter().uint32(10).string(`type.googleapis.com/${type}`).uint32(18).bytes(value).finish();
}

function errorInfo(problem: ProblemError, requestId: string): Uint8Array {
  const writer = new BinaryWriter().uint32(10).string(problem.code.code).uint32(18).string(DOMAIN);
  const entries = { title: problem.code.title, fix: problem.code.fix, requestId };
  for (const [key, value] of Object.entries(entries)) {
    writer.uint32(26).bytes(new BinaryWriter().uint32(10).string(key).uint32(18).string(value).finish());
  }
  return writer.finish();
}

function badRequest(problem: ProblemError): Uint8Array {
  const writer = new BinaryWriter();
  for (const one of problem.violations.slice(0, VIOLATIONS)) {
    writer.uint32(10).bytes(new BinaryWriter().uint32(10).string(one.path).uint32(18).string(one.message).finish());
  }
  return writer.finish();
}
