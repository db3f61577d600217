// Pure: apt's source lists as text in, the machine's own distribution entries out. No host is ever written down here.

/** One entry of apt's sources: the archive's addresses with the suites and components taken from it. */
export interface AptSource {
  uris: readonly string[];
  suites: readonly string[];
  components: readonly string[];
  /** The `Signed-By` value as it stood (a path, or an armoured key over several lines); "" when apt's trusted keys decide. */
  signedBy: string;
  /** `Trusted: yes` was set by the machine's owner. */
  trusted: boolean;
}

/** Parses the one-line format (`deb [options] uri suite components…`, sources.list(5)). */
export function parseOneLine(text: string): AptSource[] {
  return text.split("\n").flatMap((raw) => {
    const line = raw.replace(/#.*/, "").trim();
    const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$/.exec(line);
    if (match === null) return [];
    const [, options = "", uri = "", suite = "", components = ""] = match;
    return [
      {
        uris: [uri],
        suites: [suite],
        components: words(components),
        signedBy: /signed-by=(\S+)/i.exec(options)?.[1] ?? "",
        trusted: /trusted=yes/i.test(options),
      },
    ];
  });
}

/** Parses the deb822 format (`.sources` files: stanzas of fields, continuation lines begin with a blank). */
export function parseDeb822(text: string): AptSource[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = deb822Fields(stanza);
    if (!words(fields.get("types") ?? "").includes("deb")) return [];
    if (/^(no|false|0|off)$/i.test(fields.get("enabled") ?? "yes")) return [];
    return [
      {
        uris: words(fields.get("uris") ?? ""),
        suites: words(fields.get("suites") ?? ""),
        components: words(fields.get("components") ?? ""),
        signedBy: fields.get("signed-by") ?? "",
        trusted: /^yes$/i.test(fields.get("trusted") ?? ""),
      },
    ];
  });
}

function deb822Fields(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let current = "";
  for (const line of stanza.split("\n")) {
    if (line.startsWith("#")) continue;
    const field = /^([A-Za-z0-9-]+):\s*(.*)$/.exec(line);
    if (field !== null) {
      current = (field[1] ?? "").toLowerCase();
      fields.set(current, field[2] ?? "");
    } else if (/^\s/.test(line) && current !== "") {
      fields.set(current, `${fields.get(current) ?? ""}\n${line}`);
    }
  }
  return fields;
}

/** The entries of the machine's own release: every suite that is the codename or begins with it (`-updates`, `-security`). */
export function ownRelease(sources: readonly AptSource[], codename: string): AptSource[] {
  return sources.flatMap((source) => {
    const suites = source.suites.filter((suite) => suite === codename || suite.startsWith(`${codename}-`));
    return suites.length === 0 ? [] : [{ ...source, suites }];
  });
}

/** The same archive with another suite of it: derived from the entry that has the machine's codename itself. */
export function otherSuite(sources: readonly AptSource[], codename: string, suite: string): AptSource | undefined {
  const main = sources.find((source) => source.suites.includes(codename));
  return main === undefined ? undefined : { ...main, suites: [suite], components: ["main"] };
}

/** Writes entries in the deb822 format. */
export function formatDeb822(sources: readonly AptSource[]): string {
  return sources
    .map((source) =>
      [
        "Types: deb",
        `URIs: ${source.uris.join(" ")}`,
        `Suites: ${source.suites.join(" ")}`,
        `Components: ${source.components.join(" ")}`,
        ...(source.signedBy === "" ? [] : [`Signed-By: ${source.signedBy}`]),
        ...(source.trusted ? ["Trusted: yes"] : []),
        "",
      ].join("\n"),
    )
    .join("\n");
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
