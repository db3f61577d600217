/** Protocol versions between agent and control plane: what this build speaks and the oldest that it still accepts. */
export const PROTOCOL_VERSION = 1;
export const OLDEST_PROTOCOL_VERSION = 1;
