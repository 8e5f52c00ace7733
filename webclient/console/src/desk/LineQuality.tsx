/** How good the line is, from the browser's own statistics. */

import type { Call, LinkStatistics } from "@mediaswitch/sdk";
import { Tag, Tooltip } from "antd";
import { useEffect, useState } from "react";
import { useWords } from "../preferences";

type Quality = "good" | "fair" | "poor";

interface Line {
  quality: Quality;
  rttMs: number | null;
  /** Share of packets lost in the last interval, 0 to 1. */
  loss: number;
  jitterMs: number;
}

const EVERY_MS = 2000;
const colours: Record<Quality, string> = { good: "success", fair: "warning", poor: "error" };

export function LineQuality({ call }: { call: Call }) {
  const { call: words } = useWords();
  const line = useLine(call);
  if (line === null) return null;
  const rtt = line.rttMs === null ? "–" : `${line.rttMs.toFixed(0)} ms`;
  const detail = words.qualityDetail(rtt, `${(line.loss * 100).toFixed(1)} %`, `${line.jitterMs.toFixed(0)} ms`);
  return (
    <Tooltip title={detail}>
      <Tag color={colours[line.quality]}>{words.quality[line.quality]}</Tag>
    </Tooltip>
  );
}

function useLine(call: Call): Line | null {
  const [line, setLine] = useState<Line | null>(null);
  useEffect(() => {
    let before: LinkStatistics | null = null;
    const measure = async () => {
      const after = await call.statistics();
      setLine(before === null ? null : judge(before, after));
      before = after;
    };
    const timer = setInterval(() => void measure(), EVERY_MS);
    return () => clearInterval(timer);
  }, [call]);
  return line;
}

/** Judge what was received between two measurements. */
export function judge(before: LinkStatistics, after: LinkStatistics): Line | null {
  const audio = (statistics: LinkStatistics) =>
    statistics.tracks.find((track) => track.kind === "audio" && track.direction === "in");
  const [from, to] = [audio(before), audio(after)];
  if (from === undefined || to === undefined) return null;
  const lost = Math.max(0, to.packetsLost - from.packetsLost);
  const total = lost + to.packets - from.packets;
  const loss = total > 0 ? lost / total : 0;
  const jitterMs = to.jitter * 1000;
  const rtt = after.rttMs ?? 0;
  const quality = loss > 0.05 || jitterMs > 60 || rtt > 400 ? "poor" : loss > 0.01 || jitterMs > 30 || rtt > 200 ? "fair" : "good";
  return { quality, rttMs: after.rttMs, loss, jitterMs };
}
