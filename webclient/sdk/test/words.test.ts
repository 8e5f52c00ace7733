import { expect, test } from "vitest";
import { MediaError, ProblemError, UnreachableError } from "../src/errors";
import { explain } from "../src/words";

test("a refused microphone is explained in the reader's language", () => {
  const error = new MediaError("audio", "denied");
  expect(explain(error, "en")).toContain("microphone");
  expect(explain(error, "zh")).toContain("麦克风");
});

test("a server's failure shows no technical detail", () => {
  const error = new ProblemError(500, { detail: "KeyError: 'leg'" });
  expect(explain(error, "en")).toBe("Something went wrong on the server.");
});

test("statuses without words of their own, lost networks and surprises all get a sentence", () => {
  for (const error of [new ProblemError(418, {}), new UnreachableError("x"), new Error("x"), null]) {
    expect(explain(error, "zh")).toMatch(/。$/);
    expect(explain(error, "en")).toMatch(/\.$/);
  }
});
