/** One transport for all tracks: what plays first is the clock, the others are kept on it. */

import { TypedEventTarget } from "@mediaswitch/sdk";

export interface PlaybackEvents {
  /** Playing, speed, muting or readiness changed. */
  change: undefined;
  /** The position moved; details in milliseconds since the session started. */
  position: number;
}

/** The part of HTMLMediaElement that playback needs. */
export interface Playable {
  currentTime: number;
  playbackRate: number;
  muted: boolean;
  readonly paused: boolean;
  readonly ended: boolean;
  readonly seeking: boolean;
  readonly readyState: number;
  play(): Promise<void>;
  pause(): void;
}

/** Further apart than this is heard as an echo: jump. */
const JUMP_MS = 90;
/** Closer than this is not noticed: leave it alone. */
const LEAVE_MS = 20;
/** A follower off the clock by some ms goes this much faster or slower. */
const NUDGE = 0.04;
const HAVE_CURRENT_DATA = 2;

export class Playback extends TypedEventTarget<PlaybackEvents> {
  readonly durationMs: number;
  readonly #tracks = new Map<string, Playable>();
  #positionMs = 0;
  #muted = new Set<string>();
  #solo: string | null = null;
  playing = false;
  rate = 1;

  constructor(durationMs: number) {
    super();
    this.durationMs = durationMs;
  }

  get positionMs(): number {
    return this.#positionMs;
  }

  /** Take a track's element in; the returned function lets it go. The first one attached is the clock. */
  attach(trackId: string, element: Playable): () => void {
    this.#tracks.set(trackId, element);
    element.currentTime = this.#positionMs / 1000;
    element.playbackRate = this.rate;
    this.#applySound();
    return () => {
      element.pause();
      this.#tracks.delete(trackId);
    };
  }

  play(): void {
    if (this.#positionMs >= this.durationMs) this.seek(0);
    this.playing = true;
    for (const element of this.#tracks.values()) start(element);
    this.emit("change", undefined);
  }

  pause(): void {
    this.playing = false;
    for (const element of this.#tracks.values()) element.pause();
    this.seek(this.#positionMs); // all stand on the same frame
    this.emit("change", undefined);
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  seek(positionMs: number): void {
    this.#positionMs = Math.min(Math.max(positionMs, 0), this.durationMs);
    for (const element of this.#tracks.values()) element.currentTime = this.#positionMs / 1000;
    this.emit("position", this.#positionMs);
  }

  setRate(rate: number): void {
    this.rate = rate;
    for (const element of this.#tracks.values()) element.playbackRate = rate;
    this.emit("change", undefined);
  }

  isMuted(trackId: string): boolean {
    return this.#muted.has(trackId);
  }

  isSolo(trackId: string): boolean {
    return this.#solo === trackId;
  }

  toggleMute(trackId: string): void {
    if (!this.#muted.delete(trackId)) this.#muted.add(trackId);
    this.#applySound();
  }

  toggleSolo(trackId: string): void {
    this.#solo = this.#solo === trackId ? null : trackId;
    this.#applySound();
  }

  /** Call once a picture frame while playing: reads the clock and pulls the others onto it. */
  tick(): void {
    if (!this.playing) return;
    const [clock, ...followers] = this.#tracks.values();
    if (clock === undefined) return;
    this.#positionMs = Math.min(clock.currentTime * 1000, this.durationMs);
    for (const follower of followers) this.#follow(follower);
    this.emit("position", this.#positionMs);
    if (clock.ended || this.#positionMs >= this.durationMs) this.pause();
  }

  #follow(element: Playable): void {
    if (element.ended || element.seeking || element.readyState < HAVE_CURRENT_DATA) return;
    if (element.paused) start(element);
    const aheadMs = element.currentTime * 1000 - this.#positionMs;
    if (Math.abs(aheadMs) > JUMP_MS * this.rate) element.currentTime = this.#positionMs / 1000;
    const nudge = Math.abs(aheadMs) < LEAVE_MS ? 0 : -Math.sign(aheadMs) * NUDGE;
    const rate = this.rate * (1 + nudge);
    if (element.playbackRate !== rate) element.playbackRate = rate;
  }

  #applySound(): void {
    for (const [trackId, element] of this.#tracks) {
      element.muted = this.#solo === null ? this.#muted.has(trackId) : this.#solo !== trackId;
    }
    this.emit("change", undefined);
  }
}

function start(element: Playable): void {
  // Refused before the first click or interrupted by a pause: the next tick tries again.
  element.play().catch(() => undefined);
}
