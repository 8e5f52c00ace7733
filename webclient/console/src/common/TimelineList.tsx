/** Events of a session, oldest first, as lines beside a thin axis. */

import type { TimelineEvent } from "@mediaswitch/sdk";
import { Empty } from "antd";
import { useEffect, useRef } from "react";
import { useWords } from "../preferences";
import { useQueueLabel } from "./useQueueLabel";
import { duration } from "./format";
import { castOf, eventLine, isTold, toneOf } from "./timelineWords";
import style from "./TimelineList.module.css";

interface Props {
  events: readonly TimelineEvent[];
  /** Keep the newest line in view. */
  follow?: boolean;
  /** `seq` of the event that was last passed by playback. */
  currentSeq?: number | undefined;
  onSeek?: (event: TimelineEvent) => void;
}

export function TimelineList({ events, follow = false, currentSeq, onSeek }: Props) {
  const words = useWords();
  const current = useRef<HTMLLIElement>(null);
  const told = events.filter(isTold);
  const cast = castOf(events, words, useQueueLabel());
  const lastSeq = told.at(-1)?.seq;
  const marked = follow ? lastSeq : currentSeq;
  useEffect(() => {
    current.current?.scrollIntoView({ block: "nearest" }); // in braces: newer browsers return a promise
  }, [marked]);
  if (told.length === 0) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={words.timeline.empty} />;
  return (
    <ol className={style.list} aria-label={words.timeline.title} data-testid="timeline">
      {told.map((event) => {
        const isCurrent = event.seq === marked;
        const line = (
          <>
            <span className={`${style.time ?? ""} tabular`}>{duration(event.at_ms)}</span>
            <span className={style.mark} data-tone={toneOf(event)} />
            <span className={style.text}>{eventLine(event, cast, words)}</span>
          </>
        );
        return (
          <li key={event.seq} ref={isCurrent ? current : null} data-type={event.type} aria-current={isCurrent ? "step" : undefined}>
            {onSeek === undefined ? (
              <div className={style.line}>{line}</div>
            ) : (
              <button type="button" className={style.line} onClick={() => onSeek(event)}>
                {line}
              </button>
            )}
          </li>
        );
      })}
    </ol>
  );
}
