import { describe, expect, it } from "vitest";
import { commonErrors, isProblem } from "../errors.ts";
import { asProblem } from "./failures.ts";

const fails = (code: string): boolean =>
  isProblem(asProblem(Object.assign(new Error("x"), { code })), commonErrors.WF_DATABASE_UNAVAILABLE);

describe("a failure of the database", () => {
  // https://www.postgresql.org/docs/15/errcodes-appendix.html
  it.each([
    ["a full disk", "53100"],
    ["no memory", "53200"],
    ["too many connections", "53300"],
    ["a lock that somebody holds", "55P03"],
    ["a server that became a standby", "25006"],
    ["a unit of work that idled too long", "25P03"],
    ["a broken disk", "58030"],
    ["a lost connection", "08006"],
    ["a restart", "57P01"],
    ["deadlocks without end", "40P01"],
    ["a name that cannot be looked up", "EAI_AGAIN"],
    ["a network that is away", "EHOSTUNREACH"],
  ])("%s passes: nothing is wrong with what was asked", (_what, code) => {
    expect(fails(code)).toBe(true);
  });

  it.each([
    ["a value that does not fit", "22003"],
    ["a broken rule", "23514"],
    ["a statement that is wrong", "42601"],
    ["a statement that cannot be sent", "08P01"],
    ["a row that may not be seen", "42501"],
  ])("%s does not pass", (_what, code) => {
    expect(fails(code)).toBe(false);
  });
});
