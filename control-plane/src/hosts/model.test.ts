import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseHostFilter, parseHostOrder } from "./filter.ts";
import { enrollCommand, installCommand } from "./install-line.ts";
import { boundedCapabilities, freeName, isClone, labelProblem } from "./model.ts";
import { looksLikeToken, shownPrefix, tokenRefusal, tokenSecret } from "./token.ts";

describe("names of hosts", () => {
  it("counts up from 2", () => {
    expect(freeName("edge", new Set())).toBe("edge");
    expect(freeName("edge", new Set(["edge"]))).toBe("edge-2");
    expect(freeName("edge", new Set(["edge", "edge-2", "edge-4"]))).toBe("edge-3");
    expect(freeName(" \n", new Set())).toBe("host");
  });

  it("is always free, short and without control characters", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), fc.nat(20), (hostname, count) => {
        const taken = new Set<string>();
        for (let index = 0; index < count; index++) taken.add(freeName(hostname, taken));
        const name = freeName(hostname, taken);
        expect(taken.size).toBe(count);
        expect(taken.has(name)).toBe(false);
        expect(name.length).toBeLessThanOrEqual(100);
      }),
    );
  });
});

describe("labels", () => {
  it.each([{ site: "paris" }, { "example.com/site": "" }, { a: "any text, with = and spaces" }])(
    "allows %j",
    (labels) => {
      expect(labelProblem(labels)).toBeUndefined();
    },
  );
  it.each([
    { "fact/arch": "x64" },
    { "": "x" },
    { "-a": "x" },
    { "a b": "x" },
    { a: "line\nbreak" },
    { ["a".repeat(64)]: "x" },
  ])("refuses %j", (labels) => {
    expect(labelProblem(labels)).toBeDefined();
  });
  it("sorts and bounds capabilities", () => {
    expect(boundedCapabilities(["podman", "docker", "docker"])).toEqual(["docker", "podman"]);
    expect(boundedCapabilities(Array.from({ length: 100 }, (_, index) => `c${index}`))).toHaveLength(32);
  });
});

describe("the host filter", () => {
  it("reads words, labels and presence", () => {
    expect(parseHostFilter('Web site="New York" presence=never_seen')).toEqual({
      words: ["web"],
      labels: [{ key: "site", value: "New York" }],
      presences: ["never-seen"],
    });
    expect(parseHostFilter("")).toEqual({ words: [], labels: [], presences: [] });
  });
  it("refuses what it does not understand", () => {
    expect(parseHostFilter("presence=asleep")).toBeUndefined();
    expect(parseHostFilter("=x")).toBeUndefined();
    expect(parseHostOrder("color")).toBeUndefined();
  });
  it("reads an order", () => {
    expect(parseHostOrder("")).toEqual({ by: "name", descending: false });
    expect(parseHostOrder("-cpu_percent")).toEqual({ by: "cpu_percent", descending: true });
  });
  it("never throws", () => {
    const parseBoth = fc.property(fc.string(), (text) => [parseHostFilter(text), parseHostOrder(text)].length === 2);
    expect(() => fc.assert(parseBoth)).not.toThrow();
  });
});

describe("enrolment tokens", () => {
  const secret = tokenSecret("A".repeat(32));
  const token = { expiresAt: new Date(1000), revokedAt: undefined, uses: 0, maxUses: 1 };
  it("are told from other text", () => {
    expect(looksLikeToken(secret)).toBe(true);
    expect(shownPrefix(secret)).toBe("wfj_AAAAAA");
    for (const text of ["", "wfj_", `${secret}A`, ` ${secret}`, secret.replace("wfj_", "wft_")])
      expect(looksLikeToken(text)).toBe(false);
  });
  it("let in until they are revoked, expired or used up, and say which", () => {
    expect(tokenRefusal(token, new Date(999))).toBeUndefined();
    expect(tokenRefusal(token, new Date(1000))).toBe("expired");
    expect(tokenRefusal({ ...token, uses: 1 }, new Date(0))).toBe("used-up");
    expect(tokenRefusal({ ...token, uses: 1, revokedAt: new Date(0) }, new Date(2000))).toBe("revoked");
  });
});

describe("the lines to paste", () => {
  const target = { serverUrl: "https://wf.example:8443", caSha256: "ab".repeat(32) };
  it("give the token by standard input", () => {
    expect(enrollCommand(target, "wfj_x")).toBe(
      `printf %s 'wfj_x' | windflow-agent enroll --server https://wf.example:8443 --ca-sha256 ${"ab".repeat(32)}`,
    );
    expect(installCommand(target, "wfj_x")).toContain("printf %s 'wfj_x' | sh ");
  });
  it("stop at the first act that fails", () => {
    expect(installCommand(target, "wfj_x").split(" && ")).toHaveLength(5);
  });
});

describe("telling a copy of a host from its reboot", () => {
  /** What is stored after the sessions of these boots, and whether one of them was a copy's. */
  const clones = (boots: string[]): boolean => {
    let stored = { bootId: "", previousBootId: "" };
    return boots.some((bootId) => {
      const clone = isClone(stored, bootId);
      if (bootId !== stored.bootId) stored = { bootId, previousBootId: stored.bootId };
      return clone;
    });
  };
  it("never doubts one machine, whatever it reboots and reconnects", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 })), (sessions) => {
        expect(clones(sessions.flatMap((count, boot) => Array<string>(count).fill(`boot-${boot}`)))).toBe(false);
      }),
    );
  });
  it("sees two machines as soon as the first of them comes back", () => {
    expect(clones(["a", "b"])).toBe(false);
    expect(clones(["a", "a", "b", "b", "a"])).toBe(true);
    expect(clones(["", "a", "", "a"])).toBe(true);
    expect(clones(["", "", ""])).toBe(false);
  });
});
