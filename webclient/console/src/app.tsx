/** The whole console: preferences, theme, login, and the pages that a role may see. */

import type { Role, SwitchClient, User } from "@mediaswitch/sdk";
import { App as AntApp, ConfigProvider, Spin } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import { lazy, Suspense, useEffect, useState } from "react";
import { Redirect, Route, Router, Switch } from "wouter";
import { ClientContext, useClient } from "./client";
import { DeskPage } from "./desk/DeskPage";
import { LoginPage } from "./login/LoginPage";
import { PreferencesProvider, usePreferences } from "./preferences";
import { Shell } from "./shell/Shell";
import { callColoursFor, themeFor } from "./theme";

const WallboardPage = lazy(() => import("./wallboard/WallboardPage"));
const RecordingsPage = lazy(() => import("./recordings/RecordingsPage"));
const ReviewPage = lazy(() => import("./recordings/ReviewPage"));

export type Page = "desk" | "wallboard" | "recordings";

const pagesOf: Record<Role, Page[]> = {
  agent: ["desk"],
  reviewer: ["recordings"],
  supervisor: ["wallboard", "recordings"],
  admin: ["wallboard", "recordings"],
};

export function App({ client }: { client: SwitchClient }) {
  return (
    <PreferencesProvider>
      <ClientContext value={client}>
        <Themed />
      </ClientContext>
    </PreferencesProvider>
  );
}

function Themed() {
  const { language, dark } = usePreferences();
  return (
    <ConfigProvider locale={language === "zh" ? zhCN : enUS} theme={themeFor(dark)}>
      <AntApp style={{ height: "100%", ...callColoursFor(dark) }}>
        <Router base="/console">
          <Entry />
        </Router>
      </AntApp>
    </ConfigProvider>
  );
}

/** A login kept by the tab is taken up before the login page is shown. */
function Entry() {
  const client = useClient();
  const [restoring, setRestoring] = useState(true);
  useEffect(() => {
    client.restore().then(
      () => setRestoring(false),
      () => setRestoring(false), // out of reach: the login page will say so when she tries
    );
    const listening = new AbortController();
    addEventListener("online", () => client.hurry(), { signal: listening.signal });
    return () => listening.abort();
  }, [client]);
  if (restoring) return <Spin fullscreen />;
  return client.user === null ? <LoginPage /> : <Pages user={client.user} />;
}

function Pages({ user }: { user: User }) {
  const { suggest } = usePreferences();
  useEffect(() => suggest(user.language ?? null), [suggest, user.language]);
  const pages = pagesOf[user.role];
  const [first = "desk"] = pages;
  return (
    <Shell pages={pages}>
      <Suspense fallback={<Spin fullscreen />}>
        <Switch>
          {pages.includes("desk") && <Route path="/desk" component={DeskPage} />}
          {pages.includes("wallboard") && <Route path="/wallboard" component={WallboardPage} />}
          {pages.includes("recordings") && <Route path="/recordings" component={RecordingsPage} />}
          {pages.includes("recordings") && (
            <Route path="/recordings/:id">{({ id }) => <ReviewPage sessionId={id} key={id} />}</Route>
          )}
          <Route>
            <Redirect to={`/${first}`} replace />
          </Route>
        </Switch>
      </Suspense>
    </Shell>
  );
}
