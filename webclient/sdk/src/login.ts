/** The staff login: a short-lived access token and the refresh token that renews it. */

import { ProblemError } from "./errors";
import { Http, type TokenSource } from "./http";
import type { LoginAnswer, User } from "./types";

/** Where a login survives a reload; the console gives one that lasts as long as its tab. */
export interface LoginStore {
  load(): string | null;
  save(refreshToken: string | null): void;
}

/** A token about to run out is renewed before it is used. */
const SPARE_MS = 30_000;

export class Login implements TokenSource {
  readonly #http: Http;
  readonly #store: LoginStore;
  #access: string | null = null;
  #expiresAt = 0;
  #renewing: Promise<boolean> | null = null;
  user: User | null = null;

  constructor(server: string, store: LoginStore) {
    this.#http = new Http(server);
    this.#store = store;
  }

  accessToken(): string | null {
    return this.#access;
  }

  /** Log in; raise ProblemError 401 for a wrong name or password. */
  async enter(username: string, password: string, tenant?: string): Promise<User> {
    return this.#keep(await this.#http.post<LoginAnswer>("/login", { username, password, ...(tenant ? { tenant } : {}) }));
  }

  /** Renew once for all who ask at the same time: a refresh token can be used only once. */
  renew(): Promise<boolean> {
    this.#renewing ??= this.#renew().finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  /** A token that is good for some time yet; null when the login is over. */
  async freshToken(refused: boolean): Promise<string | null> {
    if (refused || Date.now() > this.#expiresAt - SPARE_MS) await this.renew();
    return this.#access;
  }

  leave(): void {
    this.#access = null;
    this.user = null;
    this.#store.save(null);
  }

  async #renew(): Promise<boolean> {
    const refreshToken = this.#store.load();
    if (refreshToken === null) return false;
    try {
      this.#keep(await this.#http.post<LoginAnswer>("/login/refresh", { refresh_token: refreshToken }));
      return true;
    } catch (error) {
      if (!(error instanceof ProblemError) || error.status >= 500) throw error; // a lost network ends no login
      this.leave();
      return false;
    }
  }

  #keep(answer: LoginAnswer): User {
    this.#access = answer.access_token;
    this.#expiresAt = Date.now() + answer.expires_in * 1000;
    this.#store.save(answer.refresh_token);
    this.user = answer.user;
    return answer.user;
  }
}
