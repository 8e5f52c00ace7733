import { describe, expect, test } from "vitest";
import { customerLines, duration } from "../src/common/format";
import { judge } from "../src/desk/LineQuality";
import { ticks } from "../src/recordings/TimeAxis";
import { shownParts } from "../src/recordings/tracks";
import { resample } from "../src/recordings/Waveform";
import { en } from "../src/words/en";

test("durations grow from minutes to hours and never go below zero", () => {
  expect([duration(0), duration(65_900), duration(3_605_000), duration(-50)]).toEqual(["0:00", "1:05", "1:00:05", "0:00"]);
});

test("a customer is shown by name, else by number, else as unknown", () => {
  expect(customerLines({ name: "Anna", number: "100" }, en)).toEqual({ title: "Anna", detail: "100" });
  expect(customerLines({ number: "100" }, en)).toEqual({ title: "100", detail: null });
  expect(customerLines({}, en).title).toBe(en.unknownCaller);
});

test("an axis has few ticks whatever its length", () => {
  for (const length of [900, 40_000, 600_000, 7_200_000]) {
    expect(ticks(length).length).toBeGreaterThan(0);
    expect(ticks(length).length).toBeLessThanOrEqual(13);
  }
});

describe("a picture", () => {
  const track = (start_ms: number, end_ms: number, gaps: [number, number][]) => ({
    id: "t",
    participant: { id: "p", role: "customer" as const, name: "" },
    kind: "screen" as const,
    codec: "vp8",
    start_ms,
    end_ms,
    gaps,
    url: "",
  });

  test("is shown between the long gaps of its track, whatever packets were lost", () => {
    const gaps: [number, number][] = [[0, 5000], [7000, 7080], [12_000, 20_000]];
    expect(shownParts(track(0, 20_000, gaps))).toEqual([[5000, 12_000]]);
  });

  test("is shown in several parts when it was stopped and started again", () => {
    expect(shownParts(track(1000, 9000, [[4000, 6000]]))).toEqual([[1000, 4000], [6000, 9000]]);
  });
});

describe("a waveform", () => {
  test("keeps the loudest peak of each part", () => {
    const peaks = { peaks: [0, 0.25, 0, 0, 0, 0, 0, 1], per_second: 4 };
    expect(resample(peaks, 2000, 2)).toEqual([0.5, 1]);
  });

  test("is flat where the file of peaks is shorter than the session", () => {
    expect(resample({ peaks: [1], per_second: 1 }, 4000, 4)).toEqual([1, 0, 0, 0]);
  });
});

describe("line quality", () => {
  const at = (packets: number, packetsLost: number, jitter = 0.002, rttMs: number | null = 20) => ({
    rttMs,
    tracks: [{ kind: "audio" as const, direction: "in" as const, packets, packetsLost, jitter, level: 0, framesPerSecond: null }],
  });

  test("counts only what was lost since the last look", () => {
    expect(judge(at(1000, 500), at(1100, 500))?.quality).toBe("good");
    expect(judge(at(1000, 0), at(1098, 2))?.quality).toBe("fair");
    expect(judge(at(1000, 0), at(1080, 20))?.quality).toBe("poor");
  });

  test("falls with jitter and with a long way", () => {
    expect(judge(at(0, 0), at(100, 0, 0.04))?.quality).toBe("fair");
    expect(judge(at(0, 0), at(100, 0, 0.002, 500))?.quality).toBe("poor");
  });
});
