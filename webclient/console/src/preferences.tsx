/** What one person prefers on one machine: language, appearance, keyboard shortcuts. */

import type { Language } from "@mediaswitch/sdk";
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { en, type Words } from "./words/en";
import { zh } from "./words/zh";

export type Appearance = "system" | "light" | "dark";

export interface Preferences {
  /** Null until chosen here: then the account's language holds, or the browser's. */
  language: Language | null;
  appearance: Appearance;
  /** Single-key shortcuts can be turned off (WCAG 2.1.4). */
  shortcuts: boolean;
}

interface PreferencesInUse extends Preferences {
  language: Language;
  dark: boolean;
  words: Words;
  change: (part: Partial<Preferences>) => void;
  /** Tell the language of the account that logged in. */
  suggest: (language: Language | null) => void;
}

const KEY = "mediaswitch.preferences";
const Context = createContext<PreferencesInUse | null>(null);

export function PreferencesProvider({ children }: { children: ReactNode }) {
  const [kept, setKept] = useState(load);
  const [suggested, suggest] = useState<Language | null>(null);
  const systemDark = useSystemDark();
  const inUse = useMemo(() => {
    const dark = kept.appearance === "system" ? systemDark : kept.appearance === "dark";
    const change = (part: Partial<Preferences>) => setKept((before) => save({ ...before, ...part }));
    const language = kept.language ?? suggested ?? browserLanguage();
    return { ...kept, language, dark, words: language === "zh" ? zh : en, change, suggest };
  }, [kept, suggested, systemDark]);
  useEffect(() => {
    document.documentElement.lang = inUse.language === "zh" ? "zh-CN" : "en";
    document.documentElement.style.colorScheme = inUse.dark ? "dark" : "light";
  }, [inUse.language, inUse.dark]);
  return <Context value={inUse}>{children}</Context>;
}

export function usePreferences(): PreferencesInUse {
  const preferences = useContext(Context);
  if (preferences === null) throw new Error("usePreferences outside of PreferencesProvider");
  return preferences;
}

export function useWords(): Words {
  return usePreferences().words;
}

function browserLanguage(): Language {
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

function load(): Preferences {
  const defaults: Preferences = { language: null, appearance: "system", shortcuts: true };
  try {
    return { ...defaults, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>) };
  } catch {
    return defaults; // storage may be blocked or hold something else
  }
}

function save(preferences: Preferences): Preferences {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // Blocked storage: the choice lasts as long as the page.
  }
  return preferences;
}

function useSystemDark(): boolean {
  const query = useMemo(() => matchMedia("(prefers-color-scheme: dark)"), []);
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const listening = new AbortController();
    query.addEventListener("change", () => setDark(query.matches), { signal: listening.signal });
    return () => listening.abort();
  }, [query]);
  return dark;
}
