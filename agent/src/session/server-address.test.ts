import { expect, test } from "vitest";
import { channelTarget, parseServerAddress } from "./server-address.ts";

test("names and addresses of both families are taken, with or without a port", () => {
  expect(parseServerAddress("https://plane.example")).toEqual({
    host: "plane.example",
    port: 443,
    url: "https://plane.example",
  });
  expect(channelTarget(parseServerAddress("https://192.0.2.1:8443"))).toBe("dns:192.0.2.1:8443");
  expect(channelTarget(parseServerAddress("https://[2001:db8::1]:8443"))).toBe("dns:[2001:db8::1]:8443");
});

test("what is no https address is refused with the form that is wanted", () => {
  for (const text of [
    "plane.example:8443",
    "http://plane.example",
    "https://plane.example/path",
    "https://user@plane.example",
    "",
  ]) {
    expect(() => parseServerAddress(text)).toThrow(/https:\/\/HOST:PORT/);
  }
});
