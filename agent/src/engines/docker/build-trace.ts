import { createLineCutter, type LineCutter } from "./line-cutter.ts";

// BuildKit tells how it goes in messages of `moby.buildkit.v1.StatusResponse`; these are the fields that become lines. A reader of four
// fields by hand, because the released agent is one file and cannot load .proto files.
const VERTEX = { message: 1, digest: 1, name: 3, cached: 4, started: 5, completed: 6, error: 7 } as const;
const LOG = { message: 3, vertex: 1, text: 4 } as const;
const WARNING = { message: 4, text: 3 } as const;
const VARINT = 0;
const EIGHT_BYTES = 1;
const LENGTH = 2;
const FOUR_BYTES = 5;

interface Field {
  readonly number: number;
  /** Of a varint: its bytes as a number. */
  readonly bytes: Buffer;
  readonly value: number;
}

interface BuildStep {
  readonly number: number;
  told: boolean;
  ended: boolean;
  readonly output: LineCutter;
}

/** Turns the trace of a build into lines as `docker build --progress plain` prints them. */
export interface BuildTrace {
  /** @param aux base64 of one StatusResponse */
  lines(aux: string): string[];
  /** What is left of lines that were not ended. */
  rest(): string[];
}

export function createBuildTrace(): BuildTrace {
  // Numbered in the order in which they begin: they are announced in another.
  const steps = new Map<string, BuildStep>();
  const stepOf = (digest: string): BuildStep => {
    const step = steps.get(digest) ?? { number: steps.size + 1, told: false, ended: false, output: createLineCutter() };
    steps.set(digest, step);
    return step;
  };

  function vertexLines(vertex: readonly Field[]): string[] {
    const name = textOf(vertex, VERTEX.name);
    const error = textOf(vertex, VERTEX.error);
    if (!(has(vertex, VERTEX.started) || has(vertex, VERTEX.completed) || error !== "")) return [];
    const step = stepOf(textOf(vertex, VERTEX.digest));
    const lines: string[] = step.told ? [] : [`#${step.number} ${name}`];
    step.told = true;
    if (step.ended || !(has(vertex, VERTEX.completed) || error !== "")) return lines;
    step.ended = true;
    const cached = vertex.some((field) => field.number === VERTEX.cached && field.value !== 0);
    const outcome = error !== "" ? `ERROR: ${error}` : cached ? "CACHED" : "DONE";
    return [...lines, ...flush(step), `#${step.number} ${outcome}`];
  }
  function logLines(log: readonly Field[]): string[] {
    const step = stepOf(textOf(log, LOG.vertex));
    return step.output.cut(textOf(log, LOG.text)).map((line) => `#${step.number} ${line}`);
  }
  const flush = (step: BuildStep): string[] => {
    const last = step.output.rest();
    return last === undefined ? [] : [`#${step.number} ${last}`];
  };

  return {
    lines: (aux) =>
      fieldsOf(Buffer.from(aux, "base64")).flatMap((field) => {
        if (field.number === VERTEX.message) return vertexLines(fieldsOf(field.bytes));
        if (field.number === LOG.message) return logLines(fieldsOf(field.bytes));
        if (field.number === WARNING.message) return [`WARNING: ${textOf(fieldsOf(field.bytes), WARNING.text)}`];
        return [];
      }),
    rest: () => [...steps.values()].flatMap(flush),
  };
}

function has(fields: readonly Field[], number: number): boolean {
  return fields.some((field) => field.number === number);
}

function textOf(fields: readonly Field[], number: number): string {
  return fields.find((field) => field.number === number)?.bytes.toString("utf8") ?? "";
}

/** Reads protobuf's wire format; a message that is cut short gives the fields before the cut. */
function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; at < message.length; shift += 7) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (at < message.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const kind = tag % 8;
    if (kind === VARINT) fields.push({ number, value: varint(), bytes: Buffer.alloc(0) });
    else if (kind === LENGTH) {
      const length = varint();
      fields.push({ number, value: 0, bytes: message.subarray(at, at + length) });
      at += length;
    } else if (kind === EIGHT_BYTES) at += 8;
    else if (kind === FOUR_BYTES) at += 4;
    else break;
  }
  return fields;
}
