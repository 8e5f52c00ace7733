/** Playback as React sees it. */

import { useEffect, useReducer, useState, type RefObject } from "react";
import type { Playback } from "./playback";

/** Render again when playing, speed or muting changes. */
export function usePlaybackState(playback: Playback): void {
  const [, again] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const listening = new AbortController();
    playback.addEventListener("change", again, { signal: listening.signal });
    return () => listening.abort();
  }, [playback]);
}

/** The position in steps of `stepMs`: enough for text, far fewer renders than picture frames. */
export function usePosition(playback: Playback, stepMs: number): number {
  const [position, setPosition] = useState(playback.positionMs);
  useEffect(() => {
    const listening = new AbortController();
    const moved = ({ detail }: { detail: number }) => setPosition(Math.round(detail / stepMs) * stepMs);
    playback.addEventListener("position", moved, { signal: listening.signal });
    return () => listening.abort();
  }, [playback, stepMs]);
  return position;
}

/** Drive the playback, and move everything drawn on the time axis by one style variable. */
export function useTransport(playback: Playback, axis: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const listening = new AbortController();
    const draw = ({ detail }: { detail: number }) =>
      axis.current?.style.setProperty("--position", String(detail / Math.max(playback.durationMs, 1)));
    playback.addEventListener("position", draw, { signal: listening.signal });
    let frame = requestAnimationFrame(function step() {
      playback.tick();
      frame = requestAnimationFrame(step);
    });
    return () => {
      cancelAnimationFrame(frame);
      listening.abort();
    };
  }, [playback, axis]);
}
