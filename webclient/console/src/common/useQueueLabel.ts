import { useClient } from "../client";
import { usePreferences } from "../preferences";

/** What readers call a queue; its bare name until the queues are loaded. */
export function useQueueLabel(): (name: string) => string {
  const { queues } = useClient().live;
  const { language } = usePreferences();
  return (name) => queues.get(name)?.label[language] ?? name;
}
