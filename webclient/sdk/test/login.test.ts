import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ProblemError, UnreachableError } from "../src/errors";
import { Http } from "../src/http";
import { Login, type LoginStore } from "../src/login";

type Answer = { status: number; body: unknown } | "no network";

/** A server whose answers are written down beforehand. */
class HandServer {
  requests: { method: string; path: string; token: string | null; body: unknown }[] = [];
  answers: Answer[] = [];

  fetch = (url: string, init: RequestInit): Promise<Response> => {
    const token = new Headers(init.headers).get("authorization");
    const body: unknown = typeof init.body === "string" ? JSON.parse(init.body) : undefined;
    this.requests.push({ method: init.method ?? "", path: new URL(url).pathname, token, body });
    const answer = this.answers.shift() ?? { status: 500, body: {} };
    if (answer === "no network") return Promise.reject(new TypeError("failed to fetch"));
    return Promise.resolve(new Response(JSON.stringify(answer.body), { status: answer.status }));
  };
}

function keeper(kept: string | null = null): LoginStore & { kept: string | null } {
  return {
    kept,
    load() {
      return this.kept;
    },
    save(token) {
      this.kept = token;
    },
  };
}

const user = { id: "1", name: "Mei", role: "agent", tenant: "default" };
const granted = (n: number): Answer => ({
  status: 200,
  body: { access_token: `access${n}`, expires_in: 900, refresh_token: `refresh${n}`, user },
});
const refused: Answer = { status: 401, body: { status: 401, title: "Unauthorized" } };

describe("a login", () => {
  let server: HandServer;
  beforeEach(() => {
    server = new HandServer();
    vi.stubGlobal("fetch", server.fetch);
  });
  afterEach(() => vi.unstubAllGlobals());

  test("is renewed once for all who ask at the same time", async () => {
    const store = keeper("refresh0");
    const login = new Login("https://s", store);
    server.answers = [granted(1)];
    expect(await Promise.all([login.renew(), login.renew(), login.renew()])).toEqual([true, true, true]);
    expect(server.requests).toHaveLength(1);
    expect(store.kept).toBe("refresh1");
  });

  test("ends when its refresh token is refused", async () => {
    const store = keeper("refresh0");
    server.answers = [refused];
    expect(await new Login("https://s", store).renew()).toBe(false);
    expect(store.kept).toBeNull();
  });

  test("outlives a lost network", async () => {
    const store = keeper("refresh0");
    server.answers = ["no network"];
    await expect(new Login("https://s", store).renew()).rejects.toBeInstanceOf(UnreachableError);
    expect(store.kept).toBe("refresh0");
  });

  test("gives its token without asking until it is about to run out", async () => {
    const login = new Login("https://s", keeper());
    server.answers = [granted(1), granted(2)];
    await login.enter("mei", "secret");
    expect(await login.freshToken(false)).toBe("access1");
    expect(await login.freshToken(true)).toBe("access2");
  });

  test("renews behind a request whose token ran out, and repeats it", async () => {
    const login = new Login("https://s", keeper());
    server.answers = [granted(1), refused, granted(2), { status: 200, body: [] }];
    await login.enter("mei", "secret");
    expect(await new Http("https://s", login).get("/agents")).toEqual([]);
    expect(server.requests.map((each) => each.token)).toEqual([null, "Bearer access1", null, "Bearer access2"]);
  });

  test("hands a refusal to whoever asked, with the server's problem", async () => {
    const problem = { status: 409, title: "Conflict", detail: "the offer is gone" };
    server.answers = [{ status: 409, body: problem }];
    const error = await new Http("https://s").post("/sessions/1/accept").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ProblemError);
    expect((error as ProblemError).problem).toEqual(problem);
  });
});
