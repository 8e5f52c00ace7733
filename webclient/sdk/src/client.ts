/** Everything that a member of staff does with the server: login, presence, calls, recordings. */

import { Call } from "./call";
import { TypedEventTarget } from "./events";
import { LiveFeed } from "./feed";
import { Http } from "./http";
import { Login, type LoginStore } from "./login";
import type { MediaOptions } from "./media";
import type {
  Agent,
  CallAnswer,
  Peaks,
  Queue,
  RecordingFilter,
  RecordingManifest,
  RecordingPage,
  Role,
  Session,
  TimelineEvent,
  User,
} from "./types";

export interface ClientEvents {
  /** Logged in, logged out, live state, or the call: `client.user`, `client.live`, `client.call`. */
  change: undefined;
}

const TOPICS: Record<Role, string[]> = {
  agent: ["me", "queues"],
  reviewer: ["me"],
  supervisor: ["me", "sessions", "agents", "queues"],
  admin: ["me", "sessions", "agents", "queues"],
};

export class SwitchClient extends TypedEventTarget<ClientEvents> {
  readonly #server: string;
  readonly #login: Login;
  readonly #http: Http;
  #feed: LiveFeed;
  call: Call | null = null;
  /** Grows with each change: tells a view whether it is up to date. */
  version = 0;

  constructor(server: string, store: LoginStore) {
    super();
    this.#server = server;
    this.#login = new Login(server, store);
    this.#http = new Http(server, this.#login);
    this.#feed = this.#newFeed([]);
  }

  get user(): User | null {
    return this.#login.user;
  }

  get live() {
    return this.#feed.state;
  }

  /** Raises ProblemError 401 for a wrong name or password. */
  async login(username: string, password: string, tenant?: string): Promise<void> {
    this.#entered(await this.#login.enter(username, password, tenant));
  }

  /** Take up the login kept by the store; false when there is none. */
  async restore(): Promise<boolean> {
    const restored = await this.#login.renew();
    if (restored && this.#login.user !== null) this.#entered(this.#login.user);
    return restored;
  }

  logout(): void {
    this.call?.close();
    this.#feed.close();
    this.#login.leave();
    this.#changed();
  }

  /** The browser says that the network is back. */
  hurry(): void {
    this.#feed.hurry();
  }

  async setAgentState(state: "available" | "break" | "offline"): Promise<void> {
    this.#learnAgent(await this.#http.put<Agent>("/agents/me/state", { state }));
  }

  /** Take the offered session. Raises ProblemError 409 when the offer is gone, MediaError without a microphone. */
  async accept(sessionId: string, options: MediaOptions = {}): Promise<Call> {
    const call = await Call.start(async (sdp) => {
      const answer = await this.#http.post<CallAnswer>(`/sessions/${sessionId}/accept`, { sdp });
      return { answer, http: this.#http, feed: this.#feed };
    }, options);
    this.#feed.set({ offer: null });
    this.#keep(call);
    void this.loadTimeline(sessionId).catch(() => undefined); // the panel fills from live events meanwhile
    return call;
  }

  async decline(sessionId: string): Promise<void> {
    await this.#http.post(`/sessions/${sessionId}/decline`);
    this.#feed.set({ offer: null });
  }

  async endWrapUp(sessionId: string): Promise<void> {
    this.#learnAgent(await this.#http.post<Agent>(`/sessions/${sessionId}/wrapup/end`));
  }

  /** End a session without having its media, for instance after a reload of the page. */
  async hangUp(sessionId: string): Promise<void> {
    this.#feed.take(await this.#http.post<Session>(`/sessions/${sessionId}/hangup`));
  }

  async loadTimeline(sessionId: string): Promise<void> {
    const { events } = await this.#http.get<{ events: TimelineEvent[] }>(`/sessions/${sessionId}/timeline`);
    this.#feed.learn(sessionId, events);
  }

  /** Fill the wallboard; afterwards the socket keeps it up to date. */
  async loadWallboard(): Promise<void> {
    const [queues, agents, sessions] = await Promise.all([
      this.#http.get<Queue[]>("/queues"),
      this.#http.get<Agent[]>("/agents"),
      this.#http.get<Session[]>("/sessions", { state: "live" }),
    ]);
    this.#feed.set({
      queues: new Map(queues.map((queue) => [queue.name, queue])),
      agents: new Map(agents.map((agent) => [agent.id, agent])),
      sessions: new Map(sessions.map((session) => [session.id, session])),
    });
  }

  async loadQueues(): Promise<void> {
    const queues = await this.#http.get<Queue[]>("/queues");
    this.#feed.set({ queues: new Map(queues.map((queue) => [queue.name, queue])) });
  }

  recordings(filter: RecordingFilter): Promise<RecordingPage> {
    return this.#http.get<RecordingPage>("/recordings", filter);
  }

  recording(sessionId: string): Promise<RecordingManifest> {
    return this.#http.get<RecordingManifest>(`/recordings/${sessionId}`);
  }

  /** The waveform behind a signed address of the manifest. */
  async peaks(url: string): Promise<Peaks> {
    return (await (await fetch(this.mediaUrl(url))).json()) as Peaks;
  }

  /** An address of the manifest, made absolute for a media element. */
  mediaUrl(url: string): string {
    return this.#http.url(url);
  }

  #entered(user: User): void {
    this.#feed.close();
    this.#feed = this.#newFeed(TOPICS[user.role]);
    this.#feed.open();
    this.#changed();
  }

  #newFeed(topics: string[]): LiveFeed {
    const feed = new LiveFeed(this.#server, { topics, token: (refused) => this.#helloToken(refused), ownId: () => this.user?.id ?? null });
    feed.addEventListener("change", () => this.#changed());
    return feed;
  }

  async #helloToken(refused: boolean): Promise<string | null> {
    const token = await this.#login.freshToken(refused);
    if (token === null) this.logout();
    return token;
  }

  #changed(): void {
    this.version += 1;
    this.emit("change", undefined);
  }

  #learnAgent(agent: Agent): void {
    this.#feed.set({ agent, offer: agent.state === "offered" ? this.live.offer : null });
  }

  #keep(call: Call): void {
    this.call = call;
    call.addEventListener("change", () => this.#changed());
    call.addEventListener("ended", () => {
      if (this.call === call) this.call = null;
      this.#changed();
    });
    this.#changed();
  }
}
