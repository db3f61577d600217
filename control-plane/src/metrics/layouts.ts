import { sql } from "kysely";
import { sha256Hex, type UnitOfWork } from "../platform/index.ts";

/** Lists of column names by number: chunks of a subject have the same ones. */
export interface Layouts {
  /** The number of a list; the same list has the same number for ever. */
  numberOf(organizationId: string, names: readonly string[]): Promise<number>;
}

/** For one transaction. */
export function layoutsOf(tx: UnitOfWork): Layouts {
  const numbers = new Map<string, number>();
  return {
    numberOf: async (organizationId, names) => {
      const key = `${organizationId}\n${names.join("\n")}`;
      const known = numbers.get(key);
      if (known !== undefined) return known;
      const number = await findOrMake(tx, organizationId, names);
      numbers.set(key, number);
      return number;
    },
  };
}

async function findOrMake(tx: UnitOfWork, organizationId: string, names: readonly string[]): Promise<number> {
  const digest = sha256Hex(JSON.stringify(names));
  const find = async (): Promise<number | undefined> => {
    const answer = await sql<{ id: number }>`SELECT id FROM metric_layouts
      WHERE organization_id = ${organizationId} AND names_sha256 = ${digest}`.execute(tx.queries);
    return answer.rows[0]?.id;
  };
  const existing = await find();
  if (existing !== undefined) return existing;
  await sql`INSERT INTO metric_layouts (organization_id, names, names_sha256)
    VALUES (${organizationId}, ${[...names]}, ${digest}) ON CONFLICT DO NOTHING`.execute(tx.queries);
  const made = await find();
  if (made === undefined) throw new Error("a list of column names was not stored");
  return made;
}

/** The names of each number. */
export async function namesOf(tx: UnitOfWork, layouts: readonly number[]): Promise<ReadonlyMap<number, string[]>> {
  if (layouts.length === 0) return new Map();
  const answer = await sql<{ id: number; names: string[] }>`SELECT id, names FROM metric_layouts
    WHERE id = ANY(${[...new Set(layouts)]}::integer[])`.execute(tx.queries);
  return new Map(answer.rows.map((row) => [row.id, row.names]));
}
