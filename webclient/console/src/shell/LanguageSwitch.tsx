import type { Language } from "@mediaswitch/sdk";
import { Segmented } from "antd";
import { usePreferences } from "../preferences";

/** Each language is named in itself, so that everyone finds her own. */
export function LanguageSwitch() {
  const { language, words, change } = usePreferences();
  return (
    <Segmented<Language>
      aria-label={words.account.language}
      value={language}
      onChange={(chosen) => change({ language: chosen })}
      options={[
        { value: "zh", label: "中文" },
        { value: "en", label: "English" },
      ]}
    />
  );
}
