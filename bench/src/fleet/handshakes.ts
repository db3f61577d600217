import type { Workers } from "./workers.ts";
import { share } from "./growth.ts";

export interface HandshakeCost {
  readonly count: number;
  /** Milliseconds of processor of the server for a connection that is opened and closed, HTTP/2 included. */
  readonly fullCpuMs: number;
  readonly resumedCpuMs: number;
  readonly resumed: number;
}

/** @param processorSeconds of the server so far */
export async function measureHandshakes(
  workers: Workers,
  count: number,
  processorSeconds: () => number,
): Promise<HandshakeCost> {
  const round = async (resumed: boolean): Promise<{ cpuMs: number; resumed: number }> => {
    const before = processorSeconds();
    const answers = await workers.all("handshakes", (worker) => ({
      count: share(count, workers.count, worker),
      resumed,
    }));
    const reused = answers.reduce((sum, answer) => sum + answer.resumed, 0);
    return { cpuMs: ((processorSeconds() - before) * 1000) / count, resumed: reused };
  };
  const full = await round(false);
  const again = await round(true);
  return { count, fullCpuMs: full.cpuMs, resumedCpuMs: again.cpuMs, resumed: again.resumed };
}
