export interface TextRun {
  text: string;
  /** 0 to 7: black, red, green, yellow, blue, magenta, cyan, white; undefined is the line's own colour. */
  color: number | undefined;
  bold: boolean;
}
const ESCAPES = /\u001b\[([0-9;?]*)([A-Za-z])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[@-Z\\-_]/g;
/** Other control characters would show as boxes. */
const CONTROLS = /[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f]/g;

export function plainText(text: string): string {
  return text.replace(ESCAPES, "").replace(CONTROLS, "");
}

/** A line as runs of one look each: the eight colours and bold of SGR; every other escape is left out. */
export function ansiRuns(text: string): TextRun[] {
  if (!text.includes("\u001b")) return [{ text: text.replace(CONTROLS, ""), color: undefined, bold: false }];
  const runs: TextRun[] = [];
  let color: number | undefined;
  let bold = false;
  let from = 0;
  const push = (part: string): void => {
    if (part !== "") runs.push({ text: part.replace(CONTROLS, ""), color, bold });
  };
  for (const match of text.matchAll(ESCAPES)) {
    push(text.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] !== "m") continue;
    for (const code of (match[1] ?? "").split(";").map(Number)) {
      if (code === 0) [color, bold] = [undefined, false];
      else if (code === 1) bold = true;
      else if (code === 22) bold = false;
      else if (code === 39) color = undefined;
      else if (code >= 30 && code <= 37) color = code - 30;
      else if (code >= 90 && code <= 97) color = code - 90;
      else if (code === 38) break;
    }
  }
  push(text.slice(from));
  return runs;
}
