// Before each file of tests that talk to real servers. Vitest gives up a wait after a second, which a machine with two processors
// and ten servers does not always keep; a wait that holds ends at once all the same.
import { vi } from "vitest";

const PATIENCE_MS = 15_000;

const waitFor = vi.waitFor.bind(vi);
const waitUntil = vi.waitUntil.bind(vi);
vi.waitFor = (callback, options) => waitFor(callback, options ?? { timeout: PATIENCE_MS });
vi.waitUntil = (callback, options) => waitUntil(callback, options ?? { timeout: PATIENCE_MS });
