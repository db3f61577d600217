import { userInfo } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createCreditWindow } from "./credit.ts";
import { streamHostShell } from "./host-shell.ts";
import type { StreamCall } from "./stream-call.ts";

// Each piece takes longer than a terminal is left open after its program.
const PIECE_MS = 300;
// More than may wait.
const LINES = 20_000;

test("a reader who is slow gets everything that a shell wrote, also what it wrote last", async () => {
  let told = "";
  let input: ((bytes: Uint8Array) => Promise<void>) | undefined;
  const credit = createCreditWindow();
  const call: StreamCall = {
    credit,
    closed: new AbortController().signal,
    send: async (kind) => {
      if (kind.$case !== "output") throw new Error(`a shell sends no ${kind.$case}`);
      told += Buffer.from(kind.value).toString();
      credit.grant(kind.value.length);
      if (told.includes("begun")) await sleep(kind.value.length > 1_000 ? PIECE_MS : 0);
    },
    end: () => undefined,
    onInput: (handler) => void (input = handler),
    onResize: () => undefined,
  };
  const ended = streamHostShell({ columns: 80, rows: 24, actor: "alice" }, userInfo().username, call);
  await expect.poll(() => told, { timeout: 60_000 }).toMatch(/[#$] $/);
  await input?.(Buffer.from(`stty -echo; echo be""gun; seq ${LINES}; echo the last; exit 3\n`));
  expect(await ended).toEqual({ exitCode: 3, problem: "", code: "" });
  const lines = told.slice(told.lastIndexOf("begun")).split("\r\n");
  expect(lines.slice(1, LINES + 1)).toEqual(Array.from({ length: LINES }, (_, i) => String(i + 1)));
  expect(lines.slice(LINES + 1)).toContain("the last");
});
