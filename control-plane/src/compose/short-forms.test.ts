import { describe, expect, test } from "vitest";
import { toJson } from "./shape-type.ts";
import { splitShellWords } from "./shell-words.ts";
import { parseShortPort } from "./short-port.ts";
import { parseShortVolume } from "./short-volume.ts";

const at = { file: "compose.yaml", line: 1, column: 1 };

describe("ports", () => {
  function ports(text: string): string[] {
    return parseShortPort(text, at, []).map((node) => {
      const {
        host_ip: ip = "",
        published = "",
        target,
        protocol,
      } = toJson(node, { path: [], report: () => undefined }) as Record<string, string>;
      return `${ip}|${published}|${target}|${protocol}`;
    });
  }

  test.each([
    ["80", ["||80|tcp"]],
    ["8080:80", ["|8080|80|tcp"]],
    ["8080:80/UDP", ["|8080|80|udp"]],
    ["127.0.0.1:8080:80", ["127.0.0.1|8080|80|tcp"]],
    ["127.0.0.1::80", ["127.0.0.1||80|tcp"]],
    ["[::1]:8080:80", ["::1|8080|80|tcp"]],
    [":80", ["||80|tcp"]],
    ["8000-8002:80", ["|8000-8002|80|tcp"]],
    ["8000-8001:80-81", ["|8000|80|tcp", "|8001|81|tcp"]],
    ["99-100", ["||100|tcp", "||99|tcp"]],
  ])("%s", (text, expected) => {
    expect(ports(text)).toEqual(expected);
  });

  test.each(["", "80:", "a", "80/x", "65536", "1:2-1", "80-82:80-81", "localhost:80:80", "::1:80:80", "1-9999999"])(
    "refuses %j",
    (text) => {
      expect(() => ports(text)).toThrow("is not a port");
    },
  );
});

describe("volumes", () => {
  test.each([
    ["/data", { type: "volume", source: "", target: "/data" }],
    ["data:/data", { type: "volume", source: "data", target: "/data" }],
    ["./a:/b:ro,z", { type: "bind", source: "./a", target: "/b", readOnly: true, selinux: "z" }],
    ["~/a:/b:rshared", { type: "bind", source: "~/a", target: "/b", propagation: "rshared" }],
    ["C:\\a:/b", { type: "bind", source: "C:\\a", target: "/b" }],
    ["v:/b:nocopy", { type: "bind", source: "v:/b", target: "nocopy" }],
    ["vol:/b:nocopy", { type: "volume", source: "vol", target: "/b", nocopy: true }],
  ])("%s", (text, expected) => {
    expect(parseShortVolume(text, at, [])).toMatchObject(expected);
  });

  test.each(["", ":/data", "/data:", "aa::bb", "aa:bb:cc:dd"])("refuses %j", (text) => {
    expect(() => parseShortVolume(text, at, [])).toThrow("is not a volume");
  });
});

describe("command lines", () => {
  test.each([
    ["a 'b c' \"d e\" f\\ g", ["a", "b c", "d e", "f g"], ""],
    ["  a  ", ["a"], ""],
    ["a '' \"\"", ["a", "", ""], ""],
    ["a\"b\"c'd'", ["abcd"], ""],
    ["sh -c 'a && b'", ["sh", "-c", "a && b"], ""],
    ["a $(b c) `d e`", ["a", "$(b c)", "`d e`"], ""],
    ["a && b", ["a"], "&& b"],
    ["a 2>err", ["a"], ">err"],
    ["", [], ""],
  ])("%s", (line, words, dropped) => {
    expect(splitShellWords(line)).toEqual({ words, dropped });
  });

  test.each(["a 'b", 'a "b', "a \\", "(a)", "a )", "$(a", "`a"])("%s is not closed", (line) => {
    expect(splitShellWords(line)).toBeUndefined();
  });
});
