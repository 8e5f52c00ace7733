/** JSON over HTTP with the token of the caller; every refusal is a ProblemError. */

import { ProblemError, UnreachableError } from "./errors";
import type { ProblemDocument } from "./types";

/** Whoever holds the login: gives a valid access token and can replace one that the server refused. */
export interface TokenSource {
  accessToken(): string | null;
  /** Return true when a new access token is there. */
  renew(): Promise<boolean>;
}

export const noToken: TokenSource = { accessToken: () => null, renew: () => Promise.resolve(false) };

export class Http {
  readonly #server: string;
  readonly #tokens: TokenSource;

  /** server: origin such as `https://host:8443`. */
  constructor(server: string, tokens: TokenSource = noToken) {
    this.#server = server.replace(/\/$/, "");
    this.#tokens = tokens;
  }

  get<Answer>(path: string, query: object = {}): Promise<Answer> {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
    const search = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
    return this.#send<Answer>("GET", search === "" ? path : `${path}?${search}`);
  }

  post<Answer>(path: string, body: object = {}): Promise<Answer> {
    return this.#send<Answer>("POST", path, body);
  }

  put<Answer>(path: string, body: object): Promise<Answer> {
    return this.#send<Answer>("PUT", path, body);
  }

  /** The address of a resource that an element loads by itself, such as signed media. */
  url(path: string): string {
    return new URL(path, `${this.#server}/`).href;
  }

  async #send<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    let response = await this.#fetch(method, path, body);
    if (response.status === 401 && this.#tokens.accessToken() !== null && (await this.#tokens.renew())) {
      response = await this.#fetch(method, path, body);
    }
    if (!response.ok) throw new ProblemError(response.status, await readProblem(response));
    return (response.status === 204 ? undefined : await response.json()) as Answer;
  }

  async #fetch(method: string, path: string, body?: object): Promise<Response> {
    const headers: Record<string, string> = {};
    const token = this.#tokens.accessToken();
    if (token !== null) headers.authorization = `Bearer ${token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    try {
      return await fetch(`${this.#server}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    } catch (cause) {
      throw new UnreachableError(`${method} ${path}`, { cause });
    }
  }
}

async function readProblem(response: Response): Promise<ProblemDocument> {
  try {
    return (await response.json()) as ProblemDocument;
  } catch {
    return { title: response.statusText, status: response.status };
  }
}
