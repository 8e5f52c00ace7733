/** One transport for all tracks: a sound is the clock, the others are kept on it. */

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
/** A follower off the clock goes this much faster or slower until it is back. */
const NUDGE = 0.04;
/** HTMLMediaElement.HAVE_FUTURE_DATA: it can play on from here. */
const HAVE_FUTURE_DATA = 3;
/** A track that cannot load must not keep the others from playing. */
const LONGEST_GATHERING_MS = 3000;

export class Playback extends TypedEventTarget<PlaybackEvents> {
  readonly durationMs: number;
  readonly #tracks = new Map<string, Playable>();
  readonly #now: () => number;
  #clock: Playable | null = null;
  #positionMs = 0;
  #gatheringSince: number | null = null;
  #muted = new Set<string>();
  #solo: string | null = null;
  playing = false;
  rate = 1;

  /** now: milliseconds that only grow. */
  constructor(durationMs: number, now: () => number = () => performance.now()) {
    super();
    this.durationMs = durationMs;
    this.#now = now;
  }

  get positionMs(): number {
    return this.#positionMs;
  }

  /** True while tracks wait for their data. */
  get waiting(): boolean {
    return this.#gatheringSince !== null;
  }

  /** Take a track's element in; the returned function lets it go. A sound leads: changing its speed would be heard. */
  attach(trackId: string, element: Playable, { leads = false } = {}): () => void {
    this.#tracks.set(trackId, element);
    if (this.#clock === null || leads) this.#clock = element;
    element.currentTime = this.#positionMs / 1000;
    element.playbackRate = this.rate;
    this.#applySound();
    return () => {
      element.pause();
      this.#tracks.delete(trackId);
      if (this.#clock === element) this.#clock = this.#tracks.values().next().value ?? null;
    };
  }

  play(): void {
    this.playing = true;
    this.seek(this.#positionMs >= this.durationMs ? 0 : this.#positionMs);
    this.emit("change", undefined);
  }

  pause(): void {
    this.playing = false;
    this.#gatheringSince = null;
    for (const element of this.#tracks.values()) element.pause();
    this.seek(this.#positionMs); // all stand on the same frame
    this.emit("change", undefined);
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  /** Go to a position; while playing, all wait there until each has its data, then start together. */
  seek(positionMs: number): void {
    this.#positionMs = Math.min(Math.max(positionMs, 0), this.durationMs);
    for (const element of this.#tracks.values()) {
      element.pause();
      element.currentTime = this.#positionMs / 1000;
      element.playbackRate = this.rate;
    }
    if (this.playing) this.#gatheringSince = this.#now();
    this.emit("change", undefined);
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

  /** Call once a picture frame: reads the clock and pulls the others onto it. */
  tick(): void {
    if (!this.playing || this.#clock === null) return;
    if (this.#gatheringSince !== null) {
      this.#gather(this.#gatheringSince);
      return;
    }
    this.#positionMs = Math.min(this.#clock.currentTime * 1000, this.durationMs);
    for (const element of this.#tracks.values()) if (element !== this.#clock) this.#follow(element);
    this.emit("position", this.#positionMs);
    if (this.#clock.ended || this.#positionMs >= this.durationMs) this.pause();
  }

  #gather(since: number): void {
    const all = [...this.#tracks.values()];
    const late = this.#now() - since > LONGEST_GATHERING_MS;
    if (!late && !all.every((element) => isReady(element) || element.ended)) return;
    this.#gatheringSince = null;
    for (const element of all) start(element);
    this.emit("change", undefined);
  }

  #follow(element: Playable): void {
    if (element.ended || !isReady(element)) return;
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

function isReady(element: Playable): boolean {
  return !element.seeking && element.readyState >= HAVE_FUTURE_DATA;
}

function start(element: Playable): void {
  // Refused before the first click or interrupted by a pause: the next tick tries again.
  element.play().catch(() => undefined);
}
