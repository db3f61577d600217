import { secretPlaceholder } from "@windflow/core";
import type { Violation } from "../platform/index.ts";
import { attachmentViolations } from "./attachments.ts";
import type { SecretText, StackSource, StackVariable } from "./model.ts";
import { isRelativePath, RELATIVE_PATH_RULE } from "./source-paths.ts";

/** A source with its secrets taken out. */
export interface SplitSource {
  /** Safe to store and to show: secrets have a version and no value. */
  readonly source: StackSource;
  readonly secrets: ReadonlyMap<string, SecretText>;
  readonly violations: readonly Violation[];
}

/**
 * Takes the secrets out of a source that becomes revision `number`. A secret without a value keeps that of `previous`,
 * and one with the same value keeps its version, so that nothing is recreated for a secret that did not change.
 */
export function splitSource(
  source: StackSource,
  number: number,
  previous: ReadonlyMap<string, SecretText>,
): SplitSource {
  const secrets = new Map<string, SecretText>();
  const violations = [...pathViolations(source), ...duplicateViolations(source), ...attachmentViolations(source)];
  const variables = source.variables.map((variable, i): StackVariable => {
    if (!variable.secret) return { name: variable.name, value: variable.value, secret: false };
    const kept = previous.get(variable.name);
    const text =
      variable.value === "" || variable.value === kept?.value ? kept : { version: number, value: variable.value };
    if (text === undefined) {
      violations.push({
        path: `source.variables[${i}].value`,
        message: `the secret ${variable.name} is empty and the revision before has none of that name: give it a value`,
      });
      return { name: variable.name, value: "", secret: true };
    }
    secrets.set(variable.name, text);
    return { name: variable.name, value: "", secret: true, version: text.version };
  });
  return { source: { ...source, variables }, secrets, violations };
}

/** What the files are rendered with: the value of a plain variable, the placeholder of a secret one. */
export function renderVariables(source: StackSource): Record<string, string> {
  return Object.fromEntries(
    source.variables.map(({ name, value, secret, version }) => [
      name,
      secret ? secretPlaceholder({ name, version: version ?? 0 }) : value,
    ]),
  );
}

function pathViolations(source: StackSource): Violation[] {
  return Object.keys(source.files)
    .filter((path) => !isRelativePath(path))
    .map((path) => ({
      path: `source.files["${path}"]`,
      message: RELATIVE_PATH_RULE,
    }));
}

function duplicateViolations(source: StackSource): Violation[] {
  const seen = new Set<string>();
  return source.variables.flatMap(({ name }, i) => {
    if (!seen.has(name)) return seen.add(name) && [];
    return [{ path: `source.variables[${i}].name`, message: `the variable ${name} is there twice` }];
  });
}
