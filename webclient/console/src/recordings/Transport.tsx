/** Play, pause, position, speed; and the keys for them. */

import type { TimelineEvent } from "@mediaswitch/sdk";
import { PauseOutlined, CaretRightFilled, StepBackwardOutlined, StepForwardOutlined } from "@ant-design/icons";
import { Button, Flex, Segmented, Spin, Tooltip } from "antd";
import { duration } from "../common/format";
import { isTold } from "../common/timelineWords";
import { useShortcuts } from "../common/useShortcuts";
import { useWords } from "../preferences";
import type { Playback } from "./playback";
import { usePlaybackState, usePosition } from "./usePlayback";
import style from "./Review.module.css";

const SPEEDS = [0.5, 1, 1.5, 2];
const SKIP_MS = 5000;
/** "Previous" goes past an event that has only just begun. */
const JUST_BEGUN_MS = 800;

export function Transport({ playback, events }: { playback: Playback; events: readonly TimelineEvent[] }) {
  const words = useWords();
  usePlaybackState(playback);
  const position = usePosition(playback, 100);
  const times = events.filter(isTold).map((event) => event.at_ms);
  const previous = () => playback.seek(times.findLast((at) => at < playback.positionMs - JUST_BEGUN_MS) ?? 0);
  const next = () => playback.seek(times.find((at) => at > playback.positionMs + 1) ?? playback.durationMs);
  const faster = (by: number) => {
    const rate = SPEEDS[SPEEDS.indexOf(playback.rate) + by];
    if (rate !== undefined) playback.setRate(rate);
  };
  useShortcuts({
    " ": () => playback.toggle(),
    arrowleft: () => playback.seek(playback.positionMs - SKIP_MS),
    arrowright: () => playback.seek(playback.positionMs + SKIP_MS),
    "[": () => faster(-1),
    "]": () => faster(1),
    p: previous,
    n: next,
    home: () => playback.seek(0),
  });
  return (
    <Flex align="center" gap={12} className={style.transport}>
      <Tooltip title={`${words.shortcuts.previous} (P)`}>
        <Button type="text" aria-label={words.shortcuts.previous} icon={<StepBackwardOutlined />} onClick={previous} />
      </Tooltip>
      <Tooltip title={playback.playing ? words.review.pause : words.review.play}>
        <Button
          type="primary"
          shape="circle"
          size="large"
          aria-label={playback.playing ? words.review.pause : words.review.play}
          icon={playback.playing ? <PauseOutlined /> : <CaretRightFilled />}
          onClick={() => playback.toggle()}
        />
      </Tooltip>
      <Tooltip title={`${words.shortcuts.next} (N)`}>
        <Button type="text" aria-label={words.shortcuts.next} icon={<StepForwardOutlined />} onClick={next} />
      </Tooltip>
      <span className={`${style.clock ?? ""} tabular`} data-testid="position" data-ms={Math.round(position)}>
        {duration(position)} <small>/ {duration(playback.durationMs)}</small>
      </span>
      {playback.waiting && <Spin size="small" aria-label={words.review.preparing} />}
      <span className={style.grow} />
      <Segmented<number>
        size="small"
        aria-label={words.review.speed}
        value={playback.rate}
        onChange={(rate) => playback.setRate(rate)}
        options={SPEEDS.map((rate) => ({ value: rate, label: `${rate}×` }))}
      />
    </Flex>
  );
}
