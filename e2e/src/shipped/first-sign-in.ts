import { openApi, trustingFetch } from "@windflow/installer";
import type { ApiClient, Me } from "@windflow/proto/client";

export interface SignedIn {
  readonly api: ApiClient;
  readonly organization: string;
}

export interface FirstSignIn {
  /** Origin of the control plane. */
  readonly url: string;
  /** PEM of its roots. */
  readonly roots: string;
  /** What its output showed at the first start. */
  readonly oneTimePassword: string;
  readonly newPassword: string;
}

const EMAIL = "admin@windflow.local";

/** What a person does first, by REST alone: signs in with the password that was shown, chooses another one, makes an API token. */
export async function signInFirst({ url, roots, oneTimePassword, newPassword }: FirstSignIn): Promise<SignedIn> {
  const session = await signIn({ url, roots, password: oneTimePassword });
  if (session.me.mustChangePassword !== true) throw new Error("The first password need not be changed.");
  await session.post("/v1/auth:changePassword", { currentPassword: oneTimePassword, newPassword });
  const again = await signIn({ url, roots, password: newPassword });
  const membership = again.me.memberships?.[0];
  const organization = membership?.organizationId ?? "";
  const made = await again.post(`/v1/organizations/${organization}/apiTokens`, {
    name: "shipped",
    permissions: membership?.permissions ?? [],
  });
  const { secret } = made as { secret: string };
  return { api: openApi({ url, roots, token: secret, organization }), organization };
}

interface Session {
  readonly me: Me;
  post(path: string, body: object): Promise<unknown>;
}

/** Signs in as a browser does: the session is a cookie. Throws with what the control plane says. */
export async function signIn(to: { url: string; roots: string; password: string }): Promise<Session> {
  const fetch = trustingFetch(to.roots);
  let cookie = "";
  const post = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(`${to.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: to.url, cookie },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`POST ${path} answers ${response.status}: ${text}`);
    cookie = response.headers.getSetCookie().at(0)?.split(";")[0] ?? cookie;
    return JSON.parse(text);
  };
  const { me } = (await post("/v1/auth:signIn", { email: EMAIL, password: to.password })) as { me: Me };
  return { me, post };
}
