import { X509Certificate, timingSafeEqual } from "node:crypto";
import { request } from "node:https";
import { sha256Hex } from "@windflow/core";
import { AgentError } from "../errors.ts";

const CA_PATH = "/install/ca.pem";
/** A few certificates; anything longer is not a list of roots. */
const MAX_BYTES = 64 * 1024;
/** One request of a few kilobytes, also over a slow link. */
const TIMEOUT_MS = 20_000;

/**
 * The control plane's roots, trusted because their hash was in the line that a person pasted. The request itself trusts
 * nobody: whoever answers can only give the pinned bytes or be refused.
 * @param expectedSha256 64 hexadecimal digits, over the bytes as served.
 * @throws AgentError WF_CA_MISMATCH, WF_SERVER_UNREACHABLE
 */
export async function fetchPinnedRoots(server: string, expectedSha256: string): Promise<string> {
  const bytes = await fetchUnverified(new URL(CA_PATH, server));
  const actual = Buffer.from(sha256Hex(bytes), "hex");
  const expected = Buffer.from(expectedSha256.toLowerCase(), "hex");
  if (expected.length !== actual.length || !timingSafeEqual(actual, expected)) {
    throw new AgentError(
      "WF_CA_MISMATCH",
      `The certificate authority of ${server} has the sha256 ${actual.toString("hex")}, but ${expectedSha256} is pinned. Either the line is of another control plane, or somebody stands between. Copy the line again from the control plane's page.`,
    );
  }
  return requireCertificates(bytes.toString(), server);
}

/** @throws AgentError WF_CA_MISMATCH when the text has no certificate. */
export function requireCertificates(pem: string, source: string): string {
  try {
    if (new X509Certificate(pem).ca) return pem;
  } catch (cause) {
    throw new AgentError("WF_CA_MISMATCH", `What ${source} gave is no certificate in PEM.`, { cause });
  }
  throw new AgentError("WF_CA_MISMATCH", `The certificate from ${source} is not of a certificate authority.`);
}

function fetchUnverified(url: URL): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void =>
      reject(
        new AgentError("WF_SERVER_UNREACHABLE", `Cannot fetch ${url.href}. Check address, port and firewall.`, {
          cause,
        }),
      );
    const call = request(url, { rejectUnauthorized: false, agent: false, timeout: TIMEOUT_MS }, (response) => {
      if (response.statusCode !== 200) {
        response.resume();
        return fail(new Error(`HTTP status ${response.statusCode}`));
      }
      const chunks: Buffer[] = [];
      let length = 0;
      response.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length > MAX_BYTES) call.destroy(new Error(`more than ${MAX_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.on("end", () => resolve(Buffer.concat(chunks)));
      response.on("error", fail);
    });
    call.on("timeout", () => call.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    call.on("error", fail);
    call.end();
  });
}
