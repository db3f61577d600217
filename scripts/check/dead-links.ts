import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { sourceFiles } from "./source-files.ts";

const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g;

/** Relative links of our Markdown files that lead nowhere, as sentences. Links to other origins are not followed. */
export function findDeadLinks(root: string): string[] {
  return sourceFiles(root, /\.md$/).flatMap((path) => {
    const text = readFileSync(join(root, path), "utf8").replaceAll(/```.*?```/gs, "");
    return [...text.matchAll(LINK)]
      .map(([, link = ""]) => link.split("#")[0] ?? "")
      .filter((link) => link !== "" && !/^[a-z]+:/.test(link))
      .filter((link) => !existsSync(join(root, normalize(join(dirname(path), link)))))
      .map((link) => `${path}: the link to ${link} leads nowhere.`);
  });
}
