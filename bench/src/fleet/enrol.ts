import { PROTOCOL_VERSION } from "@windflow/proto";
import { EnrollRequest, EnrollResponse } from "@windflow/proto/agent";
import { newHostKey } from "./host-key.ts";
import { hostReport } from "./host-report.ts";
import { openLink, type ClientIdentity, type Endpoint, type Link } from "./link.ts";

/** A host that has enrolled. */
export interface Member extends ClientIdentity {
  readonly hostId: string;
  readonly hostname: string;
  readonly sealingKey: Buffer;
}

// The control plane allows 128 calls on one connection.
const AT_ONCE = 32;

/** Enrols hosts over one connection, each with a key of its own. */
export async function enrolHosts(endpoint: Endpoint, token: string, hostnames: readonly string[]): Promise<Member[]> {
  const link = await openLink(endpoint, undefined, undefined, () => undefined);
  const waiting = [...hostnames];
  const members: Member[] = [];
  const one = async (): Promise<void> => {
    for (let hostname = waiting.shift(); hostname !== undefined; hostname = waiting.shift()) {
      members.push(await enrolHost(link, token, hostname));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  link.close();
  return members;
}

async function enrolHost(link: Link, token: string, hostname: string): Promise<Member> {
  const key = newHostKey();
  const request = EnrollRequest.encode({
    token,
    certificateRequest: key.request,
    sealingKey: key.sealingKey,
    agentVersion: "0.1.0",
    protocolVersion: PROTOCOL_VERSION,
    host: hostReport(hostname),
    requestedLabels: {},
  }).finish();
  const [bytes = new Uint8Array()] = await ask(link, "/windflow.agent.v1.AgentService/Enroll", request);
  const answer = EnrollResponse.decode(bytes);
  const { hostId, certificateChain } = answer;
  return { hostId, hostname, certificateChain, privateKeyPem: key.privateKeyPem, sealingKey: key.sealingKey };
}

/** One message up; resolves with those that came down. */
export function ask(link: Link, path: string, request: Uint8Array): Promise<Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const messages: Uint8Array[] = [];
    const call = link.call(path, {
      onMessage: (bytes) => void messages.push(bytes),
      onEnd: (problem) => (problem === undefined ? resolve(messages) : reject(new Error(`${path}: ${problem}`))),
    });
    call.send(request);
    call.finish();
  });
}
