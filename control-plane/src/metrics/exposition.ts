/** The text format of Prometheus, 0.0.4: families of gauges with HELP and TYPE, each in one piece. */
export interface Exposition {
  /** Adds a sample; what is not a number is left out. The help of a name is the one that it was first given. */
  gauge(name: string, help: string, labels: Readonly<Record<string, string>>, value: number): void;
  text(): string;
}

export function createExposition(): Exposition {
  const families = new Map<string, { help: string; lines: string[] }>();
  return {
    gauge: (name, help, labels, value) => {
      if (Number.isNaN(value)) return;
      const family = families.get(name) ?? { help, lines: [] };
      families.set(name, family);
      family.lines.push(`${name}${labelText(labels)} ${numberText(value)}`);
    },
    text: () =>
      [...families]
        .map(([name, { help, lines }]) => {
          const head = `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} gauge\n`;
          return `${head}${lines.join("\n")}\n`;
        })
        .join(""),
  };
}

/** A label of a host as a label name: `com.example/rack` → `label_com_example_rack`. */
export function labelName(key: string): string {
  return `label_${key.replaceAll(/[^a-zA-Z0-9_]/g, "_")}`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeValue(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
