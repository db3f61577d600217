import { argon2, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { commonErrors, equalSecrets, ProblemError } from "../platform/index.ts";

/**
 * Hashes passwords with argon2id and keeps the number of hashes at a time small. Throws WF_RATE_LIMITED when too many
 * wait already.
 */
export interface Passwords {
  /** A PHC string: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. */
  hash(password: string): Promise<string>;
  /** Takes the same time for `undefined` (no such user) as for a wrong password. */
  verify(password: string, stored: string | undefined): Promise<boolean>;
}

const derive = promisify(argon2);

// The OWASP minimum for argon2id: 19 MiB, two passes. About 30 ms, and no server falls to a few sign-ins at once.
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const HASH_BYTES = 32;
const SALT_BYTES = 16;
// Hashing runs on the four threads that also read files and look up names: leave two for those.
const AT_ONCE = 2;
// About two seconds of work. Guesses from many addresses at once would otherwise pile up, with every honest sign-in
// behind them.
const WAITING = 128;

/** @param most hashes that may wait for their turn */
export function createPasswords(most: number = WAITING): Passwords {
  let running = 0;
  const waiting: (() => void)[] = [];

  async function compute(password: string, salt: Uint8Array): Promise<Buffer> {
    if (running >= AT_ONCE && waiting.length >= most) {
      throw new ProblemError({ code: commonErrors.WF_RATE_LIMITED, detail: "too many sign-ins at the same time" });
    }
    if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await derive("argon2id", {
        message: password,
        nonce: salt,
        memory: MEMORY_KIB,
        passes: PASSES,
        parallelism: LANES,
        tagLength: HASH_BYTES,
      });
    } finally {
      // The place goes to the next in line, who does not count it again.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  }

  return {
    hash: async (password) => {
      const salt = randomBytes(SALT_BYTES);
      const hash = await compute(password, salt);
      return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${base64(salt)}$${base64(hash)}`;
    },
    verify: async (password, stored) => {
      const parts = stored?.split("$");
      const salt = Buffer.from(parts?.[4] ?? "", "base64");
      const expected = Buffer.from(parts?.[5] ?? "", "base64");
      const hash = await compute(password, salt.length === SALT_BYTES ? salt : Buffer.alloc(SALT_BYTES));
      return equalSecrets(hash, expected);
    },
  };
}

const base64 = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");
