export interface BufferedLine {
  /** Milliseconds since 1970; 0 when the engine gave no time. */
  at: number;
  stderr: boolean;
  text: string;
}
/** Lines kept in the browser: about 250 MB of ordinary lines. Older ones leave in blocks. */
export const LINES_AT_MOST = 1_000_000;
const BLOCK = 10_000;

/** The last lines of a log in blocks, so that appending and forgetting never copy the whole. */
export class LogBuffer {
  private blocks: BufferedLine[][] = [];
  private readonly most: number;
  /** Lines that have left at the front; the absolute number of line 0. */
  forgotten = 0;
  length = 0;

  constructor(most: number = LINES_AT_MOST) {
    this.most = most;
  }

  append(lines: readonly BufferedLine[]): void {
    for (const line of lines) {
      let last = this.blocks.at(-1);
      if (last === undefined || last.length >= BLOCK) {
        last = [];
        this.blocks.push(last);
      }
      last.push(line);
    }
    this.length += lines.length;
    while (this.length > this.most && this.blocks.length > 1) {
      const gone = this.blocks.shift()?.length ?? 0;
      this.length -= gone;
      this.forgotten += gone;
    }
  }
  /** Blocks are all full but the last, so that a place is a division away. */
  at(index: number): BufferedLine | undefined {
    return this.blocks[Math.floor(index / BLOCK)]?.[index % BLOCK];
  }
  slice(from: number, to: number): BufferedLine[] {
    const lines: BufferedLine[] = [];
    for (let index = Math.max(0, from); index < Math.min(to, this.length); index += 1) {
      const line = this.at(index);
      if (line !== undefined) lines.push(line);
    }
    return lines;
  }
  clear(): void {
    this.blocks = [];
    this.length = 0;
    this.forgotten = 0;
  }
}
