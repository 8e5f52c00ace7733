/** Tracks of a recording in the order in which a reviewer reads them. */

import type { RecordedTrack } from "@mediaswitch/sdk";
import { participantName } from "../common/format";
import type { Words } from "../words/en";

const roleOrder = ["customer", "external", "agent", "supervisor", "bot"];
const kindOrder = ["audio", "ivr", "camera", "screen"];

export function inOrder(tracks: readonly RecordedTrack[]): RecordedTrack[] {
  const rank = (track: RecordedTrack) =>
    kindOrder.indexOf(track.kind) * 10 + roleOrder.indexOf(track.participant.role) + (track.kind === "ivr" ? 5 : 0);
  return [...tracks].sort((a, b) => rank(a) - rank(b));
}

export function isSound(track: RecordedTrack): boolean {
  return track.kind === "audio" || track.kind === "ivr";
}

export function trackName(track: RecordedTrack, words: Words): string {
  if (track.kind === "ivr") return words.review.switchAudio;
  return `${participantName(track.participant, words)} · ${words.media[track.kind]}`;
}

export function trackColour(track: RecordedTrack): string {
  if (track.kind === "ivr" || track.participant.role === "bot") return "var(--ms-bot)";
  return track.participant.role === "customer" ? "var(--ms-customer)" : "var(--ms-agent)";
}

/** Shorter gaps in a picture are lost packets, longer ones mean that nothing was shown. */
const NOTHING_SHOWN_MS = 1000;

/** The parts of the session in which a camera or screen was shown, in milliseconds. */
export function shownParts(track: RecordedTrack): [fromMs: number, toMs: number][] {
  const pauses = track.gaps.filter(([from, to]) => to - from >= NOTHING_SHOWN_MS).sort(([a], [b]) => a - b);
  const parts: [number, number][] = [];
  let from = track.start_ms;
  for (const [pausedAt, resumedAt] of pauses) {
    if (pausedAt > from) parts.push([from, pausedAt]);
    from = Math.max(from, resumedAt);
  }
  if (track.end_ms > from) parts.push([from, track.end_ms]);
  return parts;
}
