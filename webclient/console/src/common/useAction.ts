/** Run what a button asks for; tell the person in plain words when it fails. */

import { explain, MediaError, ProblemError } from "@mediaswitch/sdk";
import { App } from "antd";
import { useCallback, useState } from "react";
import { usePreferences } from "../preferences";

export interface Action {
  busy: boolean;
  /** conflict: what to say when the server finds that it is too late (409). */
  run: (work: () => Promise<unknown>, conflict?: string) => void;
}

export function useAction(): Action {
  const { message } = App.useApp();
  const { language } = usePreferences();
  const [busy, setBusy] = useState(false);
  const run = useCallback(
    (work: () => Promise<unknown>, conflict?: string) => {
      setBusy(true);
      work()
        .catch((error: unknown) => {
          if (error instanceof MediaError && error.refusal === "cancelled") return; // choosing nothing is no failure
          const late = error instanceof ProblemError && error.status === 409;
          void message.error(late && conflict !== undefined ? conflict : explain(error, language));
        })
        .finally(() => setBusy(false));
    },
    [message, language],
  );
  return { busy, run };
}
