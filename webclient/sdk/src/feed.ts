/** The live state, kept up to date by the socket. */

import { TypedEventTarget } from "./events";
import { afterMessage, emptyLive, withEvents, type LiveState } from "./live";
import { LiveSocket, type SocketOptions } from "./socket";
import type { ServerMessage, Session, TimelineEvent } from "./types";

export interface FeedEvents {
  /** Anything in `state` is new. */
  change: LiveState;
  session: Session;
  /** The server said what it knows after a new connection; older knowledge is void. */
  resync: readonly Session[];
}

export class LiveFeed extends TypedEventTarget<FeedEvents> {
  readonly #socket: LiveSocket;
  readonly #ownId: () => string | null;
  state: LiveState = emptyLive;

  constructor(server: string, options: SocketOptions & { ownId?: () => string | null }) {
    super();
    this.#ownId = options.ownId ?? (() => null);
    this.#socket = new LiveSocket(server, options);
    this.#socket.addEventListener("connection", ({ detail }) => this.set({ connection: detail }));
    this.#socket.addEventListener("message", ({ detail }) => this.#receive(detail));
  }

  open(): void {
    this.#socket.open();
  }

  close(): void {
    this.#socket.close();
  }

  /** Reconnect without waiting for the next try. */
  hurry(): void {
    this.#socket.hurry();
  }

  /** Take in what an HTTP answer told before the socket did. */
  set(part: Partial<LiveState>): void {
    this.state = { ...this.state, ...part };
    this.emit("change", this.state);
  }

  learn(sessionId: string, events: readonly TimelineEvent[]): void {
    this.set({ timelines: withEvents(this.state.timelines, sessionId, events) });
  }

  take(session: Session): void {
    this.#receive({ type: "session", session });
  }

  #receive(message: ServerMessage): void {
    this.set(afterMessage(this.state, message, this.#ownId()));
    if (message.type === "session") this.emit("session", message.session);
    if (message.type === "welcome") this.emit("resync", message.sessions);
  }
}
