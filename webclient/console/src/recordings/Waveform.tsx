/** A track's loudness over the session: pale ahead of the playhead, full behind it. */

import type { Peaks } from "@mediaswitch/sdk";
import { useEffect, useRef } from "react";
import { usePreferences } from "../preferences";
import style from "./Review.module.css";

const BAR_PX = 2;
const STEP_PX = 3;

export function Waveform({ peaks, durationMs, colour }: { peaks: Peaks; durationMs: number; colour: string }) {
  return (
    <div className={style.wave} aria-hidden>
      <Bars peaks={peaks} durationMs={durationMs} colour={colour} className={style.waveAhead} />
      <Bars peaks={peaks} durationMs={durationMs} colour={colour} className={style.wavePlayed} />
    </div>
  );
}

function Bars(props: { peaks: Peaks; durationMs: number; colour: string; className: string | undefined }) {
  const { peaks, durationMs, colour, className } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const { dark } = usePreferences();
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const redraw = () => draw(element, peaks, durationMs, colour);
    const sized = new ResizeObserver(redraw);
    sized.observe(element);
    return () => sized.disconnect();
  }, [peaks, durationMs, colour, dark]); // the colour is a variable that light and dark set
  return <canvas ref={canvas} className={className} />;
}

function draw(canvas: HTMLCanvasElement, peaks: Peaks, durationMs: number, colour: string): void {
  const scale = devicePixelRatio;
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.scale(scale, scale);
  context.fillStyle = resolve(canvas, colour);
  const levels = resample(peaks, durationMs, Math.floor(width / STEP_PX));
  levels.forEach((level, index) => {
    const bar = Math.max(1, level * (height - 4));
    context.fillRect(index * STEP_PX, (height - bar) / 2, BAR_PX, bar);
  });
}

/** The loudest peak of each of `count` equal parts of the session; a square root shows quiet speech too. */
export function resample(peaks: Peaks, durationMs: number, count: number): number[] {
  const total = (durationMs / 1000) * peaks.per_second;
  return Array.from({ length: count }, (_, index) => {
    const from = Math.floor((index / count) * total);
    const to = Math.max(from + 1, Math.floor(((index + 1) / count) * total));
    return Math.sqrt(peaks.peaks.slice(from, to).reduce((loudest, peak) => Math.max(loudest, peak), 0));
  });
}

function resolve(element: Element, colour: string): string {
  const variable = /^var\((--[\w-]+)\)$/.exec(colour)?.[1];
  return variable === undefined ? colour : getComputedStyle(element).getPropertyValue(variable);
}
