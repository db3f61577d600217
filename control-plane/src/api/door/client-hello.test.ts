import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readFirstBytes } from "./client-hello.ts";

const uint = (value: number, width: number): Buffer => {
  const bytes = Buffer.alloc(width);
  bytes.writeUIntBE(value, 0, width);
  return bytes;
};
const withLength = (width: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([uint(body.length, width), body]);
};

function hello(protocols: readonly string[] | undefined, padding = 0): Buffer {
  const alpn =
    protocols === undefined
      ? []
      : [
          Buffer.concat([
            uint(16, 2),
            withLength(2, withLength(2, ...protocols.map((name) => withLength(1, Buffer.from(name))))),
          ]),
        ];
  const filler = Buffer.concat([uint(21, 2), withLength(2, Buffer.alloc(padding))]);
  const body = Buffer.concat([
    uint(0x0303, 2),
    Buffer.alloc(32, 1),
    withLength(1, Buffer.alloc(32, 2)),
    withLength(2, Buffer.from([0x13, 0x01])),
    withLength(1, Buffer.from([0])),
    withLength(2, filler, ...alpn),
  ]);
  return Buffer.concat([uint(1, 1), withLength(3, body)]);
}
const record = (payload: Buffer): Buffer => Buffer.concat([Buffer.from([22, 3, 1]), withLength(2, payload)]);

describe("what the first bytes are", () => {
  test("a hello with its protocols, in their order", () => {
    expect(readFirstBytes(record(hello(["h2"])))).toEqual({ kind: "tls", alpn: ["h2"] });
    expect(readFirstBytes(record(hello(["h2", "http/1.1"])))).toEqual({ kind: "tls", alpn: ["h2", "http/1.1"] });
    expect(readFirstBytes(record(hello(undefined)))).toEqual({ kind: "tls", alpn: [] });
  });

  test("a hello in several records", () => {
    const whole = hello(["h2"], 700);
    expect(readFirstBytes(Buffer.concat([record(whole.subarray(0, 10)), record(whole.subarray(10))]))).toEqual({
      kind: "tls",
      alpn: ["h2"],
    });
  });

  test("every beginning of a hello asks for more", () => {
    const whole = record(hello(["h2"], 300));
    for (let length = 0; length < whole.length; length++) {
      expect(readFirstBytes(whole.subarray(0, length)).kind).toBe("more");
    }
  });

  test("plain http, and neither", () => {
    expect(readFirstBytes(Buffer.from("GET / HTTP/1.1\r\n")).kind).toBe("plain-http");
    expect(readFirstBytes(Buffer.from("PRI * HTTP/2.0\r\n")).kind).toBe("plain-http");
    expect(readFirstBytes(Buffer.from("SSH-2.0-x")).kind).toBe("unknown");
    expect(readFirstBytes(record(Buffer.from([2, 0, 0, 0]))).kind).toBe("unknown");
  });

  test("no bytes make it throw", () => {
    const start = Buffer.from([22, 3, 1, 0, 200, 1, 0, 0, 190]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(readFirstBytes(Buffer.from(bytes))).toHaveProperty("kind");
        expect(readFirstBytes(Buffer.concat([start, bytes]))).toHaveProperty("kind");
      }),
    );
  });
});
