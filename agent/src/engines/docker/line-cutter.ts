// A program that never ends its line must not fill the agent's memory; readers cut lines shorter than this.
const MAXIMUM_PENDING_CHARACTERS = 16 * 1024;

/** What is left of a line that has not ended yet. */
export interface LineCutter {
  /** The lines that end with this output; one that is too long ends here. */
  cut(output: string): string[];
  /** The last line without an end; undefined when there is none. */
  rest(): string | undefined;
}

export function createLineCutter(): LineCutter {
  let pending = "";
  return {
    cut: (output) => {
      const lines = (pending + output).split("\n");
      pending = lines.pop() ?? "";
      if (pending.length <= MAXIMUM_PENDING_CHARACTERS) return lines;
      const long = pending;
      pending = "";
      return [...lines, long];
    },
    rest: () => {
      const last = pending === "" ? undefined : pending;
      pending = "";
      return last;
    },
  };
}
