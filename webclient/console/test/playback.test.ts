import { beforeEach, describe, expect, test } from "vitest";
import { Playback, type Playable } from "../src/recordings/playback";

/** A media element whose time passes by hand. */
class HandElement implements Playable {
  currentTime = 0;
  playbackRate = 1;
  muted = false;
  paused = true;
  ended = false;
  seeking = false;
  readyState = 4;

  play(): Promise<void> {
    this.paused = false;
    return Promise.resolve();
  }

  pause(): void {
    this.paused = true;
  }

  /** Let `ms` pass; `skewMs` of it is lost to a slow decoder. */
  pass(ms: number, skewMs = 0): void {
    if (!this.paused) this.currentTime += ((ms - skewMs) / 1000) * this.playbackRate;
  }
}

describe("Playback", () => {
  let now = 0;
  let playback: Playback;
  let sound: HandElement;
  let picture: HandElement;

  beforeEach(() => {
    now = 0;
    playback = new Playback(60_000, () => now);
    picture = new HandElement();
    sound = new HandElement();
    playback.attach("picture", picture);
    playback.attach("sound", sound, { leads: true });
  });

  function pass(ms: number, skewMs = 0): void {
    now += ms;
    sound.pass(ms);
    picture.pass(ms, skewMs);
    playback.tick();
  }

  test("starts all tracks together once the slowest has its data", () => {
    picture.readyState = 1;
    playback.play();
    pass(40);
    expect([sound.paused, picture.paused]).toEqual([true, true]);
    picture.readyState = 4;
    pass(40);
    expect([sound.paused, picture.paused]).toEqual([false, false]);
  });

  test("does not wait for ever for a track that cannot load", () => {
    picture.readyState = 0;
    playback.play();
    for (let step = 0; step < 100; step++) pass(40);
    expect(sound.paused).toBe(false);
    expect(playback.positionMs).toBeGreaterThan(500);
  });

  test("pulls a track that fell behind back onto the clock", () => {
    playback.play();
    pass(0);
    pass(1000, 50);
    expect(picture.playbackRate).toBeGreaterThan(1);
    for (let step = 0; step < 60; step++) pass(40);
    expect(Math.abs(picture.currentTime - sound.currentTime)).toBeLessThan(0.02);
    expect(picture.playbackRate).toBe(1);
    expect(sound.playbackRate).toBe(1);
  });

  test("jumps a track that is far off", () => {
    playback.play();
    pass(0);
    pass(2000, 1500);
    expect(picture.currentTime).toBeCloseTo(sound.currentTime, 3);
  });

  test("takes every track to the same place on a seek, also while paused", () => {
    playback.seek(25_000);
    expect([sound.currentTime, picture.currentTime]).toEqual([25, 25]);
    playback.seek(-5);
    expect(playback.positionMs).toBe(0);
  });

  test("stops at the end and begins again from the start", () => {
    playback.seek(59_900);
    playback.play();
    pass(0);
    pass(200);
    expect(playback.playing).toBe(false);
    playback.play();
    expect(playback.positionMs).toBe(0);
  });

  test("lets a solo track sound alone and remembers what was muted", () => {
    playback.toggleMute("sound");
    playback.toggleSolo("picture");
    expect([sound.muted, picture.muted]).toEqual([true, false]);
    playback.toggleSolo("picture");
    expect([sound.muted, picture.muted]).toEqual([true, false]);
    playback.toggleMute("sound");
    expect(sound.muted).toBe(false);
  });

  test("finds another clock when the leading track goes away", () => {
    const letGo = playback.attach("other", new HandElement(), { leads: true });
    letGo();
    playback.play();
    pass(0);
    pass(500);
    expect(playback.positionMs).toBeCloseTo(500, 0);
  });
});
