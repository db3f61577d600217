import { createI18n } from "vue-i18n";
import { describe, expect, test } from "vitest";
import { en } from "./en/index.ts";
import { fr } from "./fr/index.ts";

type Tree = { readonly [key: string]: string | Tree };
function leaves(tree: Tree, path = ""): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === "string" ? [[path + key, value] as [string, string]] : leaves(value, `${path}${key}.`),
  );
}
const places = (text: string): string[] =>
  [...new Set(text.match(/\{\w+\}/g))].filter((place) => place !== "{count}").toSorted();

describe("English and French", () => {
  const english = new Map(leaves(en));
  const french = new Map(leaves(fr));

  test("have the same messages", () => {
    expect([...french.keys()].toSorted()).toEqual([...english.keys()].toSorted());
  });
  test("have the same places for values in each message", () => {
    for (const [key, text] of english) expect([key, places(french.get(key) ?? "")]).toEqual([key, places(text)]);
  });
  test("leave no message empty", () => {
    for (const [key, text] of [...english, ...french]) expect(text.trim(), key).not.toBe("");
  });
  test("can all be shown", () => {
    const { t } = createI18n({ legacy: false, locale: "en", messages: { en, fr } }).global;
    for (const key of english.keys())
      for (const locale of ["en", "fr"])
        expect((t as (key: string, named: object, options: object) => string)(key, {}, { locale }), key).not.toBe(key);
  });
});
