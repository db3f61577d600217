// Pieces of short forms, and ways to put them together.
import type { Random } from "./random.ts";

export type Make = (random: Random) => string;

/** One of some texts, or of the texts that others make. */
export function any(...choices: readonly (string | Make)[]): Make {
  return (random) => {
    const choice = random.pick(choices);
    return typeof choice === "string" ? choice : choice(random);
  };
}

/** Texts one after the other; a number before a maker is the chance that it is there. */
export function row(...parts: readonly (string | Make | readonly [number, string | Make])[]): Make {
  return (random) =>
    parts
      .map((part) => {
        const [share, made] = typeof part === "string" || typeof part === "function" ? ([1, part] as const) : part;
        if (!random.chance(share)) return "";
        return typeof made === "string" ? made : made(random);
      })
      .join("");
}

function many(item: Make, separator: string, most: number): Make {
  return (random) => Array.from({ length: 1 + random.below(most) }, () => item(random)).join(separator);
}

const NOISE = ":/-., \t=~[]{}@%#\"'\\$0é1a".split("");

/** Changes a character of one text in five. */
export function noisy(make: Make): Make {
  return (random) => {
    const text = make(random);
    if (!random.chance(0.2)) return text;
    const at = random.below(text.length + 1);
    const cut = random.below(2);
    return text.slice(0, at) + (random.chance(0.7) ? random.pick(NOISE) : "") + text.slice(at + cut);
  };
}

export const portNumber: Make = any(
  "80",
  "8080",
  "0",
  "1",
  "65535",
  "65536",
  "443",
  "080",
  "9",
  "53",
  "99999",
  "1000000",
);
export const portRange: Make = any(
  portNumber,
  "80-82",
  "8080-8082",
  "90-95",
  "82-80",
  "80-",
  "-80",
  "80-80",
  "9-11",
  "9000-9003",
);
export const address: Make = any(
  "127.0.0.1",
  "0.0.0.0",
  "[::1]",
  "::1",
  "[::]",
  "[fe80::1%eth0]",
  "192.168.1.300",
  "localhost",
  "",
  "[::1",
  "1.2.3",
  "[127.0.0.1]",
  "::ffff:1.2.3.4",
  "[::ffff:1.2.3.4]",
);
export const protocol: Make = any("tcp", "udp", "sctp", "TCP", "Udp", "http", "", "tcp/udp", " tcp");
export const port: Make = noisy(
  row([0.3, row(address, ":")], [0.6, row(portRange, ":")], portRange, [0.3, row("/", protocol)]),
);

export const hostPath: Make = any(
  "./data",
  ".",
  "..",
  "../up",
  "/abs",
  "/abs/../b",
  "~",
  "~/home",
  "~user",
  "C:\\data",
  "c:/data",
  "C:data",
  "\\\\server\\share",
  "//x",
  "data",
  "my-vol",
  "v",
  "./a b",
  "/",
  ".hidden",
  "${UNSET:-}",
  "${EMPTY}",
  "./${NUMBER}",
  "D:",
  "é",
  "x:",
  "/a/",
  "./a/./b//c",
  "a.b_c",
  "$$x",
  "/var/run/docker.sock",
  "1",
  "named/sub",
);
export const target: Make = any(
  "/data",
  "data",
  "/a/../b",
  "/",
  "C:\\t",
  "/t/",
  "//t",
  ".",
  "./t",
  "/a b",
  "${EMPTY}",
  "/é",
  "c:/x",
  "1",
  "/x//y",
  "~/t",
);
const mode: Make = any(
  "ro",
  "rw",
  "z",
  "Z",
  "ro,z",
  "rw,Z,rshared",
  "nocopy",
  "consistent",
  "cached",
  "delegated",
  "",
  "RO",
  "ro,rw",
  "rslave",
  "private",
  "ro,nocopy",
  "volume-nocopy",
  "x",
  "ro ",
  ",",
  "exec",
  "U",
);
export const volume: Make = noisy(row([0.85, row(hostPath, ":")], target, [0.35, row(":", mode)], [0.03, ":x"]));

const word = any(
  "a",
  "b",
  "echo",
  "-c",
  "--flag=x",
  "é",
  "1",
  "$$HOME",
  "${NUMBER}",
  "*",
  "~",
  "=",
  "x=y",
  "#no",
  "a#b",
  "%",
  "!",
  "\\n",
  "\\ ",
  "\\\\",
  "\\'",
  '\\"',
  "$$(date)",
  "`date`",
  "a;b",
  "a && b",
  "| c",
  "> f",
  "2>&1",
  "<",
  "(x)",
  ")",
  "{a,b}",
  "[z]",
  "\t",
  "^",
  "&",
);
const quotedWord = any(
  word,
  row("'", many(word, " ", 3), "'"),
  row('"', many(word, " ", 3), '"'),
  row(word, "'", word, "'"),
  row('"', word, '"', word),
  "''",
  '""',
  '"',
  "'",
);
export const commandLine: Make = many(quotedWord, " ", 5);

export const amount: Make = any(
  "0",
  "1",
  "10",
  "1.5",
  ".5",
  "5.",
  "1e3",
  "-1",
  "+2",
  "1_000",
  "0x10",
  "007",
  "99999999999",
  "9223372036854775807",
  "1,5",
  " 1",
  "",
  "1e-3",
  "0.0001",
  "1.123456789",
  "90",
  "123456789012345678901",
);
export const duration: Make = noisy(
  many(row(amount, any("s", "ms", "us", "µs", "ns", "m", "h", "d", "w", "y", "", "S", "sec", "min")), "", 3),
);
export const size: Make = noisy(
  row(
    amount,
    any(
      "",
      "b",
      "k",
      "K",
      "kb",
      "kB",
      "KiB",
      "m",
      "MB",
      "MiB",
      "mib",
      "g",
      "G",
      "Gi",
      "t",
      "tb",
      "p",
      "PB",
      "e",
      "EiB",
      " m",
      " mb",
      "  m",
      "bb",
      "x",
      "\tk",
      "ki",
      "%",
    ),
  ),
);

export const host: Make = any("a", "host.docker.internal", "x.y", "é", "", "a b", "1", "a_b");
export const hostAddress: Make = any(
  "1.2.3.4",
  "::1",
  "[::1]",
  "host-gateway",
  "",
  "1.2.3",
  "x",
  "[1.2.3.4]",
  "1.2.3.4,5.6.7.8",
  "fe80::1%eth0",
  "[::1",
  "::1]",
);
export const extraHost: Make = noisy(row(host, any("=", ":", ":", "=", ": ", " = ", ""), hostAddress));

export const device: Make = noisy(
  any(
    row(
      any("/dev/a", "/dev/b c", "", "vendor.com/class=dev", "./x", "nvidia.com/gpu=all", "c:\\d"),
      [0.6, row(":", any("/dev/t", "", "t", "rwm", "r"))],
      [0.4, row(":", any("rwm", "r", "", "x", "rrr", "rwmx"))],
      [0.05, ":y"],
    ),
  ),
);

export const pairText: Make = noisy(
  row(any("A", "B_C", "x.y", "1", "", "a b", "é", "A=", "$$V", "-"), [
    0.8,
    row(
      "=",
      any("1", "", "a b", "=", "x=y", '"q"', "'s'", "${NUMBER}", "${UNSET:-d}", "$$x", "#c", " s ", "[x]", "{}"),
    ),
  ]),
);
export const number: Make = any(
  amount,
  "true",
  "false",
  "yes",
  "no",
  "on",
  "y",
  "TRUE",
  "True",
  "n",
  "null",
  "~",
  "1.0",
  "2.50",
  "1e6",
  "0b11",
  "0o17",
  "017",
  "0x1F",
  ".inf",
  "-.INF",
  ".nan",
  "12:30:45",
  "2024-01-01",
  "+1",
  "-0",
  "-0.0",
  "1__0",
  "0_7",
  "08",
  "1e400",
  "0x",
  "1.e2",
  "1E5",
  "4294967296",
  "-9223372036854775808",
  "18446744073709551616",
  "2147483648",
  "100000000000000000000000",
);
