// Before each file of tests that talk to real servers: no wait gives up before a minute, whatever it asks for. A wait that holds ends at
// once all the same; its limit is there so that a broken thing ends at all, not to measure how much else the machine does.
import { vi } from "vitest";

// The same as in vitest.config.ts, for what is polled.
const PATIENCE_MS = 60_000;

interface Wait {
  timeout?: number;
}
function patient<Options extends Wait>(options: number | Options | undefined): Options & { timeout: number } {
  const given = (typeof options === "number" ? { timeout: options } : (options ?? {})) as Options;
  return { ...given, timeout: Math.max(given.timeout ?? 0, PATIENCE_MS) };
}

const waitFor = vi.waitFor.bind(vi);
const waitUntil = vi.waitUntil.bind(vi);
vi.waitFor = (callback, options) => waitFor(callback, patient(options));
vi.waitUntil = (callback, options) => waitUntil(callback, patient(options));
