import { expect, test } from "vitest";
import { proxyFor } from "./proxy.ts";

test("the variables are taken in the order in which the session takes them", () => {
  expect(proxyFor("cp.example", {})).toBeUndefined();
  expect(proxyFor("cp.example", { http_proxy: "http://a:1", https_proxy: "http://b:2" })).toMatchObject({
    host: "b",
    port: 2,
  });
  expect(proxyFor("cp.example", { grpc_proxy: "http://c", https_proxy: "http://b:2" })).toMatchObject({
    host: "c",
    port: 80,
  });
  expect(proxyFor("cp.example", { https_proxy: "http://ada:p%40ss@b:2" })).toMatchObject({ credentials: "ada:p@ss" });
});

test("exceptions are ends of names and ranges of addresses", () => {
  const proxied = { https_proxy: "http://b:2", no_proxy: "localhost,.example.org,10.0.0.0/8" };
  expect(proxyFor("cp.example.org", proxied)).toBeUndefined();
  expect(proxyFor("10.1.2.3", proxied)).toBeUndefined();
  expect(proxyFor("11.1.2.3", proxied)).toBeDefined();
  expect(proxyFor("cp.example.com", proxied)).toBeDefined();
});

test("what is no proxy is said, without what may be a password", () => {
  expect(proxyFor("cp", { https_proxy: "secret" })).toBe("https_proxy is set to something that is no http://HOST:PORT");
  expect(proxyFor("cp", { https_proxy: "socks5://b:1" })).toContain("https_proxy");
});
