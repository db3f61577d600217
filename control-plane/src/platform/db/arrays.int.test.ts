import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestDatabase, type TestDatabase } from "../../testing/database.ts";
import { createLog, openPlatform, systemClock, type Platform } from "../index.ts";
import { numberArray, textArray, timeArray } from "./arrays.ts";

let server: TestDatabase;
let platform: Platform;
beforeAll(async () => {
  const log = createLog({ level: "silent" });
  server = await startTestDatabase(log);
  platform = await openPlatform({ connection: server.connection, clock: systemClock, log });
});
afterAll(async () => {
  await platform.close();
  await server.stop();
});

const read = async (array: string, type: string): Promise<unknown[]> => {
  const { rows } = await platform.database.asSystem((tx) =>
    sql<{
      value: unknown;
    }>`SELECT value FROM unnest(${array}::${sql.raw(type)}) WITH ORDINALITY AS given (value, n) ORDER BY n`.execute(
      tx.queries,
    ),
  );
  return rows.map(({ value }) => value);
};

test("texts come to the server as they are, whatever is in them", async () => {
  const texts = [
    ["hst_1", "", "NULL", "null", " a b ", "{a,b}", "ä→🚢"],
    ['a "quoted" word', "a\\b", "\\", '"', "line\nline", "tab\t", "bell\u0007", 'both \\"'],
    [],
  ];
  for (const all of texts) expect(await read(textArray(all), "text[]")).toEqual(all);
});

test("numbers and times come to the server as they are", async () => {
  const numbers = [0, -1, 2 ** 31 - 1, 0.1, 1e-7, 1.5e300];
  expect(await read(numberArray(numbers), "float8[]")).toEqual(numbers);
  const long = [0n, 2n ** 63n - 1n, -(2n ** 63n)];
  expect(await read(numberArray(long), "bigint[]")).toEqual(long);
  expect(await read(numberArray([]), "integer[]")).toEqual([]);
  const times = [new Date(0), new Date("2026-11-23T14:33:19.001Z"), new Date("1969-12-31T23:59:59.999Z")];
  expect(await read(timeArray(times), "timestamptz[]")).toEqual(times);
});
