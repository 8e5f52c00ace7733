/** The customer's side: no login, one call, a token bound to its session. */

import { Call, type StartOptions } from "./call";
import { LiveFeed } from "./feed";
import { Http } from "./http";
import type { CustomerCallAnswer, Language, PublicConfig, TimelineEvent } from "./types";

export interface CustomerCallRequest extends StartOptions {
  /** A number such as `1000`, or `queue:support`. */
  to: string;
  name?: string;
  language?: Language;
}

/** Numbers and languages that this server offers to the public. */
export function publicConfig(server: string): Promise<PublicConfig> {
  return new Http(server).get<PublicConfig>("/public/config");
}

/** Call the business. Raises MediaError without a microphone, ProblemError when the server refuses. */
export async function placeCall(server: string, request: CustomerCallRequest): Promise<Call> {
  const call = await Call.start(async (sdp) => {
    const answer = await enter(server, request, sdp);
    const tokens = { accessToken: () => answer.token, renew: () => Promise.resolve(false) };
    const feed = new LiveFeed(server, { token: () => Promise.resolve(answer.token) });
    return { answer, http: new Http(server, tokens), feed };
  }, request);
  call.feed.open();
  call.addEventListener("ended", () => call.feed.close());
  return call;
}

/** Chat lines of a session, oldest first. */
export function chatOf(events: readonly TimelineEvent[]): TimelineEvent[] {
  return events.filter((event) => event.type === "chat");
}

function enter(server: string, request: CustomerCallRequest, sdp: string): Promise<CustomerCallAnswer> {
  const { to, name, language, video = false } = request;
  const who = { ...(name ? { name } : {}), ...(language ? { language } : {}) };
  return new Http(server).post<CustomerCallAnswer>("/public/calls", { to, ...who, sdp, video });
}
