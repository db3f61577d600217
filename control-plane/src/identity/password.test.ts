import { expect, test } from "vitest";
import { createPasswords } from "./password.ts";

test("guesses that come all at once do not pile up without end, and a sign-in after them works", async () => {
  const passwords = createPasswords(3);
  const stored = await passwords.hash("correct horse battery");
  const guesses = await Promise.allSettled(Array.from({ length: 20 }, () => passwords.verify("wrong", stored)));
  const refused = guesses.filter((guess) => guess.status === "rejected");
  expect(refused).toHaveLength(20 - 5);
  expect(refused[0]?.reason).toMatchObject({ code: { code: "WF_RATE_LIMITED" } });
  expect(await passwords.verify("correct horse battery", stored)).toBe(true);
});
