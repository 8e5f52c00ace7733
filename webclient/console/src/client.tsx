/** The SDK's client, given to every component and watched for changes. */

import { SwitchClient, type LoginStore } from "@mediaswitch/sdk";
import { createContext, useCallback, useContext, useSyncExternalStore } from "react";

const KEY = "mediaswitch.login";

/** A login lasts as long as its tab: shared machines keep nothing behind. */
const tabStore: LoginStore = {
  load: () => sessionStorage.getItem(KEY),
  save: (refreshToken) => {
    if (refreshToken === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, refreshToken);
  },
};

export function newClient(): SwitchClient {
  return new SwitchClient(location.origin, tabStore);
}

export const ClientContext = createContext<SwitchClient | null>(null);

/** The client; the component renders again whenever something it tells has changed. */
export function useClient(): SwitchClient {
  const client = useContext(ClientContext);
  if (client === null) throw new Error("useClient outside of ClientContext");
  const subscribe = useCallback(
    (changed: () => void) => {
      const listening = new AbortController();
      client.addEventListener("change", changed, { signal: listening.signal });
      return () => listening.abort();
    },
    [client],
  );
  useSyncExternalStore(subscribe, () => client.version);
  return client;
}

/** `?raw=1` turns the browser's audio processing off, for measurements. */
export const rawAudio = new URLSearchParams(location.search).get("raw") === "1";
