import { choice, keys, list, named, onlyKeys, plain, type Schema, uniqueList } from "./schema-type.ts";

export const NAME: RegExp = /^[a-zA-Z0-9._-]+$/;
export const ANY_KEY: RegExp = /^.+$/;

export const text: Schema = plain("string");
export const yesOrNo: Schema = plain("boolean", "string");
export const wholeNumber: Schema = plain("integer", "string");
export const decimal: Schema = plain("number", "string");
/** A text here; whether it is a duration shows when it is read. */
export const duration: Schema = plain("string");

export const listOfText: Schema = uniqueList(text);
export const textOrList: Schema = choice(plain("string"), uniqueList(text));
export const pairs: Schema = choice(named(/.+/, plain("string", "number", "boolean", "null")), uniqueList(text));
export const options: Schema = named(ANY_KEY, plain("string", "number"), true);
export const command: Schema = choice(plain("null"), plain("string"), list(text));
export const hosts: Schema = choice(named(/.+/, choice(plain("string"), list(plain("string")))), uniqueList(text));

/** Use of a secret or a config. */
export const fileReferences: Schema = list(
  choice(plain("string"), keys({ source: text, target: text, uid: text, gid: text, mode: plain("number", "string") })),
);

export const ulimits: Schema = named(
  /^[a-z]+$/,
  choice(plain("integer", "string"), keys({ hard: wholeNumber, soft: wholeNumber }, ["soft", "hard"])),
  true,
);

export const hook: Schema = keys(
  {
    command,
    user: text,
    privileged: yesOrNo,
    working_dir: text,
    environment: pairs,
  },
  ["command"],
);

const deviceKeys = {
  capabilities: listOfText,
  count: wholeNumber,
  device_ids: listOfText,
  driver: text,
  options: pairs,
};
export const reservedDevices: Schema = list(keys(deviceKeys, ["capabilities"]));
// The schema of these does not close the map.
export const gpus: Schema = choice(
  { kind: "plain", types: ["string"], values: ["all"] },
  list({ ...keys(deviceKeys), open: true }),
);

export const blkio: Schema = onlyKeys({
  device_read_bps: list(onlyKeys({ path: text, rate: wholeNumber })),
  device_read_iops: list(onlyKeys({ path: text, rate: wholeNumber })),
  device_write_bps: list(onlyKeys({ path: text, rate: wholeNumber })),
  device_write_iops: list(onlyKeys({ path: text, rate: wholeNumber })),
  weight: wholeNumber,
  weight_device: list(onlyKeys({ path: text, weight: wholeNumber })),
});
