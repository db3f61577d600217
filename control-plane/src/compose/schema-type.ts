/** What one kind of plain value a key takes. */
export type PlainType = "string" | "number" | "integer" | "boolean" | "null";

export interface PlainSchema {
  readonly kind: "plain";
  readonly types: readonly PlainType[];
  readonly values?: readonly string[];
  readonly pattern?: RegExp;
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface ListSchema {
  readonly kind: "list";
  readonly items: Schema;
  readonly unique: boolean;
}

export interface MapSchema {
  readonly kind: "map";
  readonly keys: Readonly<Record<string, Schema>>;
  /** For keys that match `keyPattern`; without it those keys are refused. */
  readonly others?: Schema;
  readonly keyPattern?: RegExp;
  readonly required: readonly string[];
  /** Whether `x-…` keys may stand here. */
  readonly extensions: boolean;
  /** Whether keys that nothing describes are passed over. */
  readonly open: boolean;
}

/** One of several forms; at most one form is a list and one a map. */
export interface ChoiceSchema {
  readonly kind: "choice";
  readonly forms: readonly (PlainSchema | ListSchema | MapSchema)[];
}

export interface AnySchema {
  readonly kind: "any";
}

export type Schema = PlainSchema | ListSchema | MapSchema | ChoiceSchema | AnySchema;

export function plain(...types: readonly PlainType[]): PlainSchema {
  return { kind: "plain", types };
}

export function oneOf(...values: readonly string[]): PlainSchema {
  return { kind: "plain", types: ["string"], values };
}

export function between(minimum: number, maximum: number, ...types: PlainType[]): PlainSchema {
  return { kind: "plain", types, minimum, maximum };
}

export function list(items: Schema): ListSchema {
  return { kind: "list", items, unique: false };
}

export function uniqueList(items: Schema): ListSchema {
  return { kind: "list", items, unique: true };
}

/** A map with these keys and `x-…`; nothing else. */
export function keys(described: Readonly<Record<string, Schema>>, required: readonly string[] = []): MapSchema {
  return { kind: "map", keys: described, required, extensions: true, open: false };
}

/** A map with these keys; nothing else, not even `x-…`. */
export function onlyKeys(described: Readonly<Record<string, Schema>>, required: readonly string[] = []): MapSchema {
  return { kind: "map", keys: described, required, extensions: false, open: false };
}

/** A map from names of the author's choice. */
export function named(keyPattern: RegExp, others: Schema, open = false): MapSchema {
  return { kind: "map", keys: {}, keyPattern, others, required: [], extensions: false, open };
}

export function choice(...forms: ChoiceSchema["forms"]): ChoiceSchema {
  return { kind: "choice", forms };
}
