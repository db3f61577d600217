import type { BuildLine } from "@windflow/proto/agent";

// What a person scrolls through while a link is slow; a builder that prints faster loses its oldest lines, counted.
const MAXIMUM_LINES = 1_000;
const MAXIMUM_CHARACTERS = 256 * 1024;
const LINE_CHARACTERS = 4_000;

/** Lines that wait to be sent. Never holds the builder up. */
export interface LineQueue {
  push(service: string, text: string): void;
  /** Sends what there is and what comes, until the end; then resolves. */
  pump(): Promise<void>;
  end(): void;
}

export function createLineQueue(send: (line: BuildLine) => Promise<void>): LineQueue {
  const lines: BuildLine[] = [];
  let characters = 0;
  let dropped = 0;
  let ended = false;
  let wake: () => void = () => undefined;
  return {
    push(service, text) {
      lines.push({ service, text: text.slice(0, LINE_CHARACTERS) });
      characters += Math.min(text.length, LINE_CHARACTERS);
      while (lines.length > MAXIMUM_LINES || characters > MAXIMUM_CHARACTERS) {
        characters -= lines.shift()?.text.length ?? 0;
        dropped++;
      }
      wake();
    },
    async pump() {
      for (;;) {
        const service = lines[0]?.service ?? "";
        if (dropped > 0) {
          const text = `[${dropped} lines were left out: the link is slower than the build]`;
          dropped = 0;
          await send({ service, text });
        }
        const line = lines.shift();
        if (line !== undefined) {
          characters -= line.text.length;
          await send(line);
        } else if (ended) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    end() {
      ended = true;
      wake();
    },
  };
}
