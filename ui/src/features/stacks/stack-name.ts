/** docker compose's rule for project names. */
export const STACK_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
