/**
 * A permit lets agents become an older version. A text of lines, signed by a release key as SHA256SUMS is:
 *
 *     windflow permit 1
 *     older-release HEX        the release's id: SHA-256 of its SHA256SUMS
 *     until 2027-01-31T00:00:00Z   may be missing
 */
const TITLE = "windflow permit 1";

/** Whether the permit is for this release now; a sentence about what is wrong with it, or empty. Its signature is checked elsewhere. */
export function permitProblem(text: string, releaseId: string, now: number): string {
  const [title, ...lines] = text.split("\n").map((line) => line.trim());
  if (title !== TITLE) return "it is not a permit of a kind that this agent knows";
  const values = new Map(lines.map((line) => [line.split(" ")[0] ?? "", line.split(" ")[1] ?? ""]));
  if (values.get("older-release") !== releaseId) return "it is for another release";
  const until = values.get("until");
  if (until === undefined) return "";
  const end = Date.parse(until);
  if (Number.isNaN(end)) return "its end cannot be read";
  return now > end ? `it ended at ${until}` : "";
}
