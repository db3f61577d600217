/** Bits of a plain file and of a program; the browser does not tell which one a file was. */
export const MODE_PLAIN = 0o644;
export const MODE_PROGRAM = 0o755;
/** Offered beside one's own: read by all, run by all, read by the owner only, run by the owner only. */
export const USUAL_MODES = [0o644, 0o755, 0o600, 0o700, 0o444] as const;
const MODE_MAX = 0o7777;

/** "0644". 0 stands for the plain one, as in the API. */
export function modeText(mode: number | undefined): string {
  return (mode || MODE_PLAIN).toString(8).padStart(4, "0");
}
/** "rw-r--r--", as ls writes it; set-user-id and its like are not shown. */
export function modeWords(mode: number | undefined): string {
  const bits = mode || MODE_PLAIN;
  return [6, 3, 0]
    .map((at) => "rwx".replace(/./g, (sign, i: number) => ((bits >> at) & (4 >> i) ? sign : "-")))
    .join("");
}
/** The bits of an octal number that a person wrote; undefined when it is none. */
export function modeOf(text: string): number | undefined {
  if (!/^[0-7]{3,5}$/.test(text.trim())) return undefined;
  const mode = Number.parseInt(text.trim(), 8);
  return mode > 0 && mode <= MODE_MAX ? mode : undefined;
}
