/**
 * Whether a text of the control plane, which begins in lower case to stand in a longer sentence too, may begin in upper case:
 * not when its first word is the name of something, like a registry or a file.
 */
export function isSentence(text: string | undefined): boolean {
  return !/^\S*[./:_@-]\S/.test(text ?? "");
}
