import { describe, expect, it } from "vitest";
import { formatDeb822, otherSuite, ownRelease, parseDeb822, parseOneLine } from "./apt-sources.ts";

const debian = `Types: deb deb-src
# a comment
URIs: http://archive.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: http://archive.example/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
Enabled: no
URIs: http://other.example
Suites: bookworm
Components: main
`;

describe("the machine's own apt sources", () => {
  it("keeps the own release of a deb822 file, without what is disabled", () => {
    expect(ownRelease(parseDeb822(debian), "bookworm").map(({ uris, suites }) => [uris[0], suites])).toEqual([
      ["http://archive.example/debian", ["bookworm", "bookworm-updates"]],
      ["http://archive.example/debian-security", ["bookworm-security"]],
    ]);
  });

  it("writes a key that spans lines back as it stood", () => {
    const security = parseDeb822(debian).filter(({ suites }) => suites.includes("bookworm-security"));
    expect(parseDeb822(formatDeb822(security))).toEqual(security);
    expect(formatDeb822(security)).toContain(" -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n");
  });

  it("reads one-line entries with options, and leaves foreign archives out", () => {
    const text = `# deb http://commented.example x main
deb [arch=amd64 signed-by=/k.gpg] http://archive.example/ubuntu noble main universe # the archive
deb http://vendor.example/apt nodistro main
deb-src http://archive.example/ubuntu noble main`;
    expect(ownRelease(parseOneLine(text), "noble")).toEqual([
      {
        uris: ["http://archive.example/ubuntu"],
        suites: ["noble"],
        components: ["main", "universe"],
        signedBy: "/k.gpg",
        trusted: false,
      },
    ]);
  });

  it("derives another suite from the archive that serves the release, not from the security archive", () => {
    expect(otherSuite(parseDeb822(debian).reverse(), "bookworm", "sid")?.uris).toEqual([
      "http://archive.example/debian",
    ]);
    expect(otherSuite([], "bookworm", "sid")).toBeUndefined();
  });
});
