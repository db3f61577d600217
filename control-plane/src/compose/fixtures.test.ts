import { expect, test } from "vitest";
import { renderCompose } from "./render.ts";
import { inputOfFixture, readAnswers, readFixtures } from "./testing/fixtures.ts";

const answers = readAnswers();

test.each(readFixtures())("$name is read as docker compose reads it", (fixture) => {
  const { model, problems } = renderCompose(inputOfFixture(fixture));
  const answer = answers.get(fixture.name);
  expect(answer, "fixtures/answers.txt has no answer for it").toBeDefined();
  const shown = JSON.stringify({ files: fixture.files, problems }, undefined, 1);
  if (answer?.model === undefined) {
    expect(model, `docker compose refuses it\n${shown}`).toBeUndefined();
    expect(problems.find(({ severity }) => severity === "error")).toBeDefined();
  } else expect(JSON.parse(JSON.stringify(model ?? null)), shown).toEqual(answer.model);
});
