/** Run what a button asks for; tell the person in plain words when it fails. */

import { explain, MediaError } from "@mediaswitch/sdk";
import { App } from "antd";
import { useCallback, useState } from "react";
import { usePreferences } from "../preferences";

export interface Action {
  busy: boolean;
  run: (work: () => Promise<unknown>) => void;
}

export function useAction(): Action {
  const { message } = App.useApp();
  const { language } = usePreferences();
  const [busy, setBusy] = useState(false);
  const run = useCallback(
    (work: () => Promise<unknown>) => {
      setBusy(true);
      work()
        .catch((error: unknown) => {
          if (error instanceof MediaError && error.refusal === "cancelled") return; // choosing nothing is no failure
          void message.error(explain(error, language));
        })
        .finally(() => setBusy(false));
    },
    [message, language],
  );
  return { busy, run };
}
