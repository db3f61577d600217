import { plainText } from "./ansi.ts";
import type { LogBuffer } from "./log-buffer.ts";

/** Lines looked at before the page may draw again: about 10 ms of work. */
const LINES_A_TURN = 20_000;

/** The absolute numbers of the lines that hold a text, found in turns and kept up as lines come. */
export class LogSearch {
  private readonly buffer: LogBuffer;
  private readonly onFound: () => void;
  private wanted = "";
  private next = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  matches: number[] = [];

  constructor(buffer: LogBuffer, onFound: () => void) {
    this.buffer = buffer;
    this.onFound = onFound;
  }
  find(text: string): void {
    this.wanted = text.toLowerCase();
    this.matches = [];
    this.next = this.buffer.forgotten;
    this.more();
  }
  /** Looks at the lines that have come since. */
  more(): void {
    clearTimeout(this.timer);
    if (this.wanted === "") return this.onFound();
    const first = this.matches[0];
    if (first !== undefined && first < this.buffer.forgotten) {
      this.matches = this.matches.filter((line) => line >= this.buffer.forgotten);
    }
    this.next = Math.max(this.next, this.buffer.forgotten);
    const end = Math.min(this.buffer.forgotten + this.buffer.length, this.next + LINES_A_TURN);
    for (; this.next < end; this.next += 1) {
      const text = this.buffer.at(this.next - this.buffer.forgotten)?.text ?? "";
      if (plainText(text).toLowerCase().includes(this.wanted)) this.matches.push(this.next);
    }
    this.onFound();
    if (this.next < this.buffer.forgotten + this.buffer.length) this.timer = setTimeout(() => this.more(), 0);
  }
  stop(): void {
    clearTimeout(this.timer);
  }
}
