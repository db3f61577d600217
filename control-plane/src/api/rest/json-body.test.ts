import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { jsonBody } from "./json-body.ts";

const rows = JSON.stringify(
  Array.from({ length: 200 }, (_, index) => ({ id: `hst_${index}`, name: `paris-edge-${index}`, presence: "ONLINE" })),
);

test("a long answer to a read is compressed for a client that takes it, and comes out as it went in", async () => {
  const { body, encoding } = await jsonBody(rows, { method: "GET", acceptEncoding: "gzip, deflate, br" });
  expect(encoding).toBe("gzip");
  expect(body.length).toBeLessThan(rows.length / 5);
  expect(gunzipSync(body as Buffer).toString()).toBe(rows);
});
test("short answers, answers to acts, and those for clients that do not ask stay as they are", async () => {
  const plain = { body: rows, encoding: undefined };
  expect(await jsonBody(rows, { method: "POST", acceptEncoding: "gzip" })).toEqual(plain);
  expect(await jsonBody(rows, { method: "GET", acceptEncoding: undefined })).toEqual(plain);
  expect(await jsonBody(rows, { method: "GET", acceptEncoding: "br" })).toEqual(plain);
  expect(await jsonBody("{}", { method: "GET", acceptEncoding: "gzip" })).toEqual({ body: "{}", encoding: undefined });
});
