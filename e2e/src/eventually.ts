import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 100;
/** No wait gives up before, however little it asks for: a limit ends what is broken, it measures nothing. */
const PATIENCE_MS = 60_000;

/** Asks again until the answer passes `holds`; the error at the end tells what was waited for and the last answer. */
export async function eventually<T>(
  what: string,
  timeoutMs: number,
  ask: () => Promise<T>,
  holds: (answer: T) => boolean,
): Promise<T> {
  const patienceMs = Math.max(timeoutMs, PATIENCE_MS);
  const deadline = Date.now() + patienceMs;
  let last: unknown = "nothing was answered";
  do {
    try {
      const answer = await ask();
      if (holds(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error instanceof Error ? error.message : error;
    }
    await sleep(POLL_MS);
  } while (Date.now() < deadline);
  throw new Error(`Within ${patienceMs / 1000} s not: ${what}. Last: ${JSON.stringify(last)?.slice(0, 3000)}`);
}
