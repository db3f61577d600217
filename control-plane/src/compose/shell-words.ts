export interface ShellWords {
  readonly words: readonly string[];
  /** What stands behind the first unquoted `;`, `&`, `|`, `<` or `>`; docker compose drops it. */
  readonly dropped: string;
}

/**
 * Splits a command line into words as docker compose does: blanks separate, quotes and backslashes protect, nothing is expanded.
 * No shell reads the line, so the words end at the first sign that only a shell understands.
 * @returns undefined when a quote or a bracket is not closed, or a bracket stands where none may
 */
export function splitShellWords(line: string): ShellWords | undefined {
  const state: State = { words: [], word: "", begun: false, quote: "", escaped: false };
  let index = 0;
  for (const character of line) {
    const next = step(state, character);
    if (next === "invalid") return undefined;
    if (next === "stop") break;
    index += character.length;
  }
  if (state.escaped || state.quote !== "") return undefined;
  if (state.begun) state.words.push(state.word);
  return { words: state.words, dropped: line.slice(index) };
}

interface State {
  words: string[];
  word: string;
  begun: boolean;
  /** The open quote: `'`, `"`, a backtick, or `(` for a `$(`. */
  quote: "" | "'" | '"' | "`" | "(";
  escaped: boolean;
}

function step(state: State, character: string): "next" | "stop" | "invalid" {
  const { quote } = state;
  if (state.escaped) {
    state.escaped = false;
    return append(state, character);
  }
  switch (character) {
    case "\\":
      if (quote === "'") return append(state, character);
      state.escaped = true;
      return "next";
    case " ":
    case "\t":
    case "\r":
    case "\n":
      if (quote !== "") state.word += character;
      else endWord(state);
      return "next";
    case "'":
    case '"':
      return toggleQuote(state, character);
    case "`":
      if (quote === "" || quote === "`") state.quote = quote === "" ? "`" : "";
      return append(state, character);
    case "(":
      return openBracket(state);
    case ")":
      return closeBracket(state);
    case ";":
    case "&":
    case "|":
    case "<":
    case ">":
      return quote === "" ? stopAt(state, character) : append(state, character);
    default:
      return append(state, character);
  }
}

function append(state: State, character: string): "next" {
  state.word += character;
  state.begun = true;
  return "next";
}

function endWord(state: State): void {
  if (state.begun) state.words.push(state.word);
  state.word = "";
  state.begun = false;
}

function toggleQuote(state: State, character: "'" | '"'): "next" {
  if (state.quote === "") state.quote = character;
  else if (state.quote === character) {
    state.quote = "";
    state.begun = true;
  } else return append(state, character);
  return "next";
}

function openBracket(state: State): "next" | "invalid" {
  if (state.quote === "'" || state.quote === '"' || state.quote === "`") return append(state, "(");
  if (state.quote === "(" || !state.word.endsWith("$")) return "invalid";
  state.quote = "(";
  return append(state, "(");
}

function closeBracket(state: State): "next" | "invalid" {
  if (state.quote === "(") state.quote = "";
  else if (state.quote === "") return "invalid";
  return append(state, ")");
}

// In `2>file` the digit is part of the redirection, not a word.
function stopAt(state: State, character: string): "stop" {
  if (character === ">" && /^\d/.test(state.word)) state.begun = false;
  return "stop";
}
