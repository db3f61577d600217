import { expect, test } from "vitest";
import { checkedAddress } from "./model.ts";

test("an address is brought to one spelling", () => {
  const written = [
    " Registry.Example.com:5000 ",
    "ghcr.io",
    "index.docker.io",
    "r.example.com:443",
    "localhost",
    "[fd00::1]:5000",
  ];
  expect(written.map(checkedAddress)).toEqual(
    ["registry.example.com:5000", "ghcr.io", "docker.io", "r.example.com", "localhost", "[fd00::1]:5000"].map(
      (address) => ({ address }),
    ),
  );
});

test.each([
  ["https://registry.example.com:5000/v2/", /https:\/\/.*write "registry\.example\.com:5000"/],
  ["registry.example.com/team", /path.*write "registry\.example\.com"/],
  ["registry", /registry:443/],
  ["", /host name/],
  ["user:secret@registry.example.com", /host name/],
  ["registry.example.com:99999", /port/],
  ["-bad.example.com", /host name/],
  ["a b.example.com", /host name/],
])("%s is refused with what to write instead", (written, fault) => {
  expect(checkedAddress(written)).toEqual({ fault: expect.stringMatching(fault) });
});
