/** The WebSocket to the server: says hello, notices silence, comes back with growing pauses. */

import { TypedEventTarget } from "./events";
import type { ServerMessage } from "./types";

export type Connection = "connecting" | "online" | "lost" | "closed";

export interface SocketEvents {
  connection: Connection;
  message: ServerMessage;
}

const PING_EVERY_MS = 10_000;
/** Two pings without an answer: the path is gone even if TCP has not noticed. */
const SILENCE_MS = 25_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/** Pause before try number `tries` (from 0), spread so that a restarted server is not met by all at once. */
export function pauseBefore(tries: number, random: number): number {
  const full = Math.min(FIRST_PAUSE_MS * 2 ** tries, LONGEST_PAUSE_MS);
  return full / 2 + (full / 2) * random;
}

export interface SocketOptions {
  /** A valid access token for hello, a new one if the last was `refused`; null gives up. */
  token: (refused: boolean) => Promise<string | null>;
  topics?: string[];
}

export class LiveSocket extends TypedEventTarget<SocketEvents> {
  readonly #url: string;
  readonly #options: SocketOptions;
  #socket: WebSocket | null = null;
  #timers = new Set<ReturnType<typeof setTimeout>>();
  #tries = 0;
  #heardAt = 0;
  #refused = false;
  connection: Connection = "closed";

  constructor(server: string, options: SocketOptions) {
    super();
    this.#url = `${server.replace(/^http/, "ws").replace(/\/$/, "")}/api/v1/ws`;
    this.#options = options;
  }

  open(): void {
    if (this.connection !== "closed") return;
    this.#tries = 0;
    this.#become("connecting");
    this.#dial();
  }

  close(): void {
    this.#become("closed");
    this.#drop();
  }

  /** Try at once, for instance when the browser says that the network is back. */
  hurry(): void {
    if (this.connection !== "lost") return;
    this.#tries = 0;
    this.#drop();
    this.#dial();
  }

  #dial(): void {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => void this.#hello(socket);
    socket.onmessage = (message: MessageEvent) => this.#receive(socket, message.data);
    socket.onclose = () => this.#lost(socket);
  }

  async #hello(socket: WebSocket): Promise<void> {
    const token = await this.#options.token(this.#refused).catch(() => undefined);
    if (socket !== this.#socket) return;
    if (token === null) this.close();
    else if (token === undefined) this.#lost(socket);
    else send(socket, { type: "hello", token });
  }

  #receive(socket: WebSocket, data: unknown): void {
    if (socket !== this.#socket || typeof data !== "string") return;
    this.#heardAt = Date.now();
    const message = JSON.parse(data) as ServerMessage;
    if (message.type === "welcome") this.#welcomed(socket);
    if (message.type === "error" && message.problem.status === 401) this.#refused = true;
    if (message.type !== "pong") this.emit("message", message);
  }

  #welcomed(socket: WebSocket): void {
    this.#tries = 0;
    this.#refused = false;
    const { topics } = this.#options;
    if (topics !== undefined) send(socket, { type: "subscribe", topics });
    this.#become("online");
    this.#ping(socket);
  }

  #ping(socket: WebSocket): void {
    this.#later(PING_EVERY_MS, () => {
      if (Date.now() - this.#heardAt > SILENCE_MS) {
        this.#lost(socket);
        return;
      }
      send(socket, { type: "ping" });
      this.#ping(socket);
    });
  }

  #lost(socket: WebSocket): void {
    if (socket !== this.#socket || this.connection === "closed") return;
    this.#drop();
    this.#become("lost");
    this.#later(pauseBefore(this.#tries++, Math.random()), () => this.#dial());
  }

  #drop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #later(delayMs: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, delayMs);
    this.#timers.add(timer);
  }

  #become(connection: Connection): void {
    if (this.connection === connection) return;
    this.connection = connection;
    this.emit("connection", connection);
  }
}

function send(socket: WebSocket, message: object): void {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}
