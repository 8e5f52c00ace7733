import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LiveSocket, pauseBefore, type Connection } from "../src/socket";
import type { ServerMessage } from "../src/types";

/** The server's side of a socket, worked by hand. */
class HandSocket {
  static readonly OPEN = 1;
  static dialled: HandSocket[] = [];
  readyState = 0;
  sent: { type: string; [key: string]: unknown }[] = [];
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;

  constructor(readonly url: string) {
    HandSocket.dialled.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as HandSocket["sent"][number]);
  }

  close(): void {
    this.readyState = 3;
  }

  async accept(): Promise<void> {
    this.readyState = HandSocket.OPEN;
    this.onopen?.();
    await vi.advanceTimersByTimeAsync(0);
  }

  say(message: ServerMessage): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  static get last(): HandSocket {
    const last = HandSocket.dialled.at(-1);
    if (last === undefined) throw new Error("nobody dialled");
    return last;
  }
}

const user = { id: "1", name: "Mei", role: "agent" as const, tenant: "default" };
const welcome: ServerMessage = { type: "welcome", user, sessions: [] };

function open(token: (refused: boolean) => Promise<string | null> = () => Promise.resolve("T")) {
  const socket = new LiveSocket("https://switch.example:8443/", { token, topics: ["me", "queues"] });
  const states: Connection[] = [];
  socket.addEventListener("connection", ({ detail }) => states.push(detail));
  socket.open();
  return { socket, states };
}

describe("LiveSocket", () => {
  beforeEach(() => {
    HandSocket.dialled = [];
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", HandSocket);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test("says hello with its token, then subscribes when it is welcome", async () => {
    const { states } = open();
    expect(HandSocket.last.url).toBe("wss://switch.example:8443/api/v1/ws");
    await HandSocket.last.accept();
    expect(HandSocket.last.sent).toEqual([{ type: "hello", token: "T" }]);
    HandSocket.last.say(welcome);
    expect(HandSocket.last.sent.at(-1)).toEqual({ type: "subscribe", topics: ["me", "queues"] });
    expect(states).toEqual(["connecting", "online"]);
  });

  test("comes back after a loss and says so", async () => {
    const { states } = open();
    await HandSocket.last.accept();
    HandSocket.last.say(welcome);
    HandSocket.last.onclose?.();
    expect(states.at(-1)).toBe("lost");
    await vi.advanceTimersByTimeAsync(500);
    expect(HandSocket.dialled).toHaveLength(2);
    await HandSocket.last.accept();
    HandSocket.last.say(welcome);
    expect(states.at(-1)).toBe("online");
  });

  test("notices a path that went silent without closing", async () => {
    const { states } = open();
    await HandSocket.last.accept();
    HandSocket.last.say(welcome);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(states.at(-1)).toBe("online");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(states.at(-1)).toBe("lost");
  });

  test("stays online while pongs arrive", async () => {
    const { states } = open();
    await HandSocket.last.accept();
    HandSocket.last.say(welcome);
    for (let pings = 0; pings < 6; pings++) {
      await vi.advanceTimersByTimeAsync(10_000);
      HandSocket.last.say({ type: "pong" });
    }
    expect(states.at(-1)).toBe("online");
    expect(HandSocket.last.sent.filter((message) => message.type === "ping")).toHaveLength(6);
  });

  test("asks for a new token when the last was refused", async () => {
    const asked: boolean[] = [];
    open((refused) => {
      asked.push(refused);
      return Promise.resolve(refused ? "new" : "old");
    });
    await HandSocket.last.accept();
    HandSocket.last.say({ type: "error", problem: { status: 401 } });
    HandSocket.last.onclose?.();
    await vi.advanceTimersByTimeAsync(500);
    await HandSocket.last.accept();
    expect(asked).toEqual([false, true]);
    expect(HandSocket.last.sent).toEqual([{ type: "hello", token: "new" }]);
  });

  test("gives up when there is no login any more", async () => {
    const { states } = open(() => Promise.resolve(null));
    await HandSocket.last.accept();
    expect(states.at(-1)).toBe("closed");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(HandSocket.dialled).toHaveLength(1);
  });

  test("hurries back at once when told that the network is there", async () => {
    const { socket } = open();
    HandSocket.last.onclose?.();
    socket.hurry();
    expect(HandSocket.dialled).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(HandSocket.dialled).toHaveLength(2);
  });

  test("ignores what an abandoned socket still says", async () => {
    const { socket } = open();
    const first = HandSocket.last;
    await first.accept();
    first.onclose?.();
    const heard: ServerMessage[] = [];
    socket.addEventListener("message", ({ detail }) => heard.push(detail));
    first.say(welcome);
    expect(heard).toEqual([]);
  });
});

test("pauses double up to ten seconds and are spread over their upper half", () => {
  expect([0, 1, 2, 3].map((tries) => pauseBefore(tries, 1))).toEqual([500, 1000, 2000, 4000]);
  expect(pauseBefore(50, 1)).toBe(10_000);
  expect(pauseBefore(2, 0)).toBe(1000);
});
