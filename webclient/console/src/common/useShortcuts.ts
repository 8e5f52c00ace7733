/** Single-key shortcuts, silent while someone types and when turned off. */

import { useEffect, useRef } from "react";
import { usePreferences } from "../preferences";

export type Shortcuts = Record<string, (() => void) | undefined>;

/** keys: lower-case `KeyboardEvent.key`, such as `m`, ` ` or `arrowleft`. */
export function useShortcuts(shortcuts: Shortcuts): void {
  const { shortcuts: enabled } = usePreferences();
  const current = useRef(shortcuts);
  useEffect(() => {
    current.current = shortcuts;
  });
  useEffect(() => {
    if (!enabled) return;
    const listening = new AbortController();
    document.addEventListener("keydown", (event) => press(event, current.current), { signal: listening.signal });
    return () => listening.abort();
  }, [enabled]);
}

function press(event: KeyboardEvent, shortcuts: Shortcuts): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || takesText(event.target)) return;
  const action = shortcuts[event.key.toLowerCase()];
  if (action === undefined || (event.key === " " && takesSpace(event.target))) return;
  event.preventDefault();
  action();
}

function takesText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button", "range"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target.isContentEditable;
}

function takesSpace(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("button, a, [role=slider], input") !== null;
}
