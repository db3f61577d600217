// The peer: a bare grpc-js server, started by echo-peer.ts. It answers each message, and sends one to all when its parent says so.
import { readFileSync } from "node:fs";
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { COMMAND_BYTES, ECHO_PATH } from "./echo-client.ts";

const [rootsFile = "", keyFile = "", certificateFile = ""] = process.argv.slice(2);
const ANSWER_BYTES = 20;
type Talk = ServerDuplexStream<Buffer, Buffer>;

const open = new Set<Talk>();
/** Commands that wait for their answer. */
const asked = new Map<Talk, (answeredMs: number) => void>();
const asIs = (bytes: Buffer): Buffer => bytes;

function talk(call: Talk): void {
  open.add(call);
  const end = (): void => {
    open.delete(call);
    asked.get(call)?.(Number.NaN);
    asked.delete(call);
  };
  call.on("data", () => {
    const waiting = asked.get(call);
    asked.delete(call);
    if (waiting === undefined) call.write(Buffer.alloc(ANSWER_BYTES));
    else waiting(performance.now());
  });
  call.on("error", end);
  call.on("cancelled", end);
  call.on("end", () => call.end());
}

/** Milliseconds until each session has answered. */
function commandAll(): Promise<number[]> {
  const began = performance.now();
  return Promise.all(
    [...open].map(
      (call) =>
        new Promise<number>((resolve) => {
          asked.set(call, (at) => resolve(at - began));
          call.write(Buffer.alloc(COMMAND_BYTES));
        }),
    ),
  );
}

const server = new Server({ "grpc.enable_channelz": 0 });
server.addService(
  {
    talk: {
      path: ECHO_PATH,
      requestStream: true,
      responseStream: true,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  },
  { talk },
);
const pair = { private_key: readFileSync(keyFile), cert_chain: readFileSync(certificateFile) };
const credentials = ServerCredentials.createSsl(readFileSync(rootsFile), [pair], true);
server.bindAsync("127.0.0.1:0", credentials, (error, port) =>
  process.send?.(error === null ? { port } : { problem: error.message }),
);
process.on("message", () => {
  commandAll().then(
    (times) => process.send?.({ times }),
    (error: unknown) => process.send?.({ problem: String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));
