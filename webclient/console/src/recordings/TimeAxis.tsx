/** The one axis that all tracks share: ticks, event marks, the playhead, and seeking by pointer or keys. */

import type { TimelineEvent } from "@mediaswitch/sdk";
import { Tooltip } from "antd";
import type { KeyboardEvent, PointerEvent } from "react";
import { duration } from "../common/format";
import { castOf, eventLine, isTold, toneOf } from "../common/timelineWords";
import { useQueueLabel } from "../common/useQueueLabel";
import { useWords } from "../preferences";
import type { Playback } from "./playback";
import { usePosition } from "./usePlayback";
import style from "./Review.module.css";

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800];
const MOST_TICKS = 12;

export function TimeAxis({ playback, events }: { playback: Playback; events: readonly TimelineEvent[] }) {
  const words = useWords();
  const position = usePosition(playback, 250);
  const seekTo = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    playback.seek(((event.clientX - box.left) / box.width) * playback.durationMs);
  };
  const cast = castOf(events, words, useQueueLabel());
  return (
    <div
      className={style.axis}
      role="slider"
      tabIndex={0}
      aria-label={words.review.seek}
      aria-valuemin={0}
      aria-valuemax={Math.round(playback.durationMs / 1000)}
      aria-valuenow={Math.round(position / 1000)}
      aria-valuetext={duration(position)}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        seekTo(event);
      }}
      onPointerMove={(event) => event.buttons === 1 && seekTo(event)}
      onKeyDown={(event) => byKey(event, playback)}
    >
      {ticks(playback.durationMs).map((at) => (
        <span key={at} className={`${style.tick ?? ""} tabular`} style={{ left: `${(at / playback.durationMs) * 100}%` }}>
          {duration(at)}
        </span>
      ))}
      {events.filter((event) => isTold(event) && event.at_ms <= playback.durationMs).map((event) => (
        <Tooltip key={event.seq} title={eventLine(event, cast, words)}>
          <i className={style.eventMark} data-tone={toneOf(event)} style={{ left: `${(event.at_ms / playback.durationMs) * 100}%` }} />
        </Tooltip>
      ))}
    </div>
  );
}

function byKey(event: KeyboardEvent, playback: Playback): void {
  const target = { Home: 0, End: playback.durationMs }[event.key];
  if (target === undefined) return;
  event.preventDefault();
  playback.seek(target);
}

/** Times in milliseconds that are easy to read and not too many. */
export function ticks(durationMs: number): number[] {
  const step = 1000 * (STEPS_S.find((seconds) => durationMs / 1000 / seconds <= MOST_TICKS) ?? 3600);
  return Array.from({ length: Math.floor(durationMs / step) + 1 }, (_, index) => index * step);
}
