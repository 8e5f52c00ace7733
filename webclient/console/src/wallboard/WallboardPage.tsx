/** For supervisors: queues, agents and live sessions at this moment. */

import { explain, type Agent, type Queue, type Session } from "@mediaswitch/sdk";
import { Alert, Badge, Button, Card, Empty, Flex, Skeleton, Statistic, Table, Tag, Typography } from "antd";
import { useCallback, useEffect, useState } from "react";
import { useClient } from "../client";
import { customerLines, duration } from "../common/format";
import { useNow } from "../common/useNow";
import { usePreferences } from "../preferences";
import style from "./Wallboard.module.css";

export default function WallboardPage() {
  const { live } = useClient();
  const { words } = usePreferences();
  const { failure, loaded, load } = useWallboard();
  const now = useNow();
  const sessions = [...live.sessions.values()].filter((session) => session.state !== "ended" && session.state !== "wrap_up");
  const agents = [...live.agents.values()];
  if (failure !== null && !loaded) {
    return <Alert className={style.failure} type="error" showIcon title={failure} action={<Button onClick={load}>{words.retry}</Button>} />;
  }
  if (!loaded) return <Skeleton active className={style.failure} />;
  return (
    <div className={style.page}>
      <Typography.Title level={3}>{words.wallboard.title}</Typography.Title>
      <Figures sessions={sessions} agents={agents} />
      <Queues queues={[...live.queues.values()]} />
      <div className={style.columns}>
        <Agents agents={agents} now={now} />
        <Sessions sessions={sessions} now={now} />
      </div>
    </div>
  );
}

/** Load all once the socket is there, and again after each reconnection. */
function useWallboard() {
  const client = useClient();
  const { language } = usePreferences();
  const [failure, setFailure] = useState<string | null>(null);
  const [loaded, setLoaded] = useState(false);
  const { connection } = client.live;
  const load = useCallback(() => {
    client.loadWallboard().then(
      () => {
        setLoaded(true);
        setFailure(null);
      },
      (error: unknown) => setFailure(explain(error, language)),
    );
  }, [client, language]);
  useEffect(() => {
    if (connection === "online") load();
  }, [connection, load]);
  return { failure, loaded, load };
}

function Figures({ sessions, agents }: { sessions: Session[]; agents: Agent[] }) {
  const { wallboard } = usePreferences().words;
  const count = (...states: Session["state"][]) => sessions.filter((session) => states.includes(session.state)).length;
  const figures = [
    { title: wallboard.talkingNow, value: count("talking") },
    { title: wallboard.waitingNow, value: count("queued", "offered") },
    { title: wallboard.inMenu, value: count("ivr") },
    { title: wallboard.freeNow, value: agents.filter((agent) => agent.state === "available").length },
  ];
  return (
    <div className={style.figures}>
      {figures.map((figure) => (
        <Card key={figure.title} variant="borderless">
          <Statistic title={figure.title} value={figure.value} styles={{ content: { fontSize: 34, fontWeight: 600 } }} />
        </Card>
      ))}
    </div>
  );
}

function Queues({ queues }: { queues: Queue[] }) {
  const { words, language } = usePreferences();
  const say = words.wallboard;
  return (
    <Card variant="borderless">
      <Table<Queue>
        size="small"
        rowKey="name"
        pagination={false}
        dataSource={queues}
        columns={[
          { title: say.queue, render: (_, queue) => <strong>{queue.label[language]}</strong> },
          { title: say.waiting, dataIndex: "waiting", align: "right" },
          { title: say.longest, align: "right", render: (_, queue) => (queue.waiting > 0 ? duration(queue.longest_wait_s * 1000) : "–") },
          { title: say.free, dataIndex: "agents_available", align: "right" },
          { title: say.busy, dataIndex: "agents_busy", align: "right" },
          { title: say.serviceLevel, align: "right", render: (_, queue) => percent(queue.service_level) },
        ]}
      />
    </Card>
  );
}

const badgeOf = {
  offline: "default",
  break: "warning",
  available: "success",
  offered: "processing",
  busy: "error",
  wrap_up: "warning",
} as const;

function Agents({ agents, now }: { agents: Agent[]; now: number }) {
  const { words } = usePreferences();
  const say = words.wallboard;
  return (
    <Card variant="borderless" title={say.agents}>
      <Table<Agent>
        size="small"
        rowKey="id"
        pagination={false}
        dataSource={agents}
        locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={say.noAgents} /> }}
        columns={[
          { title: say.agent, dataIndex: "name" },
          { title: say.state, render: (_, agent) => <Badge status={badgeOf[agent.state]} text={words.agentStates[agent.state]} /> },
          { title: say.since, align: "right", render: (_, agent) => <span className="tabular">{duration(now - Date.parse(agent.since))}</span> },
        ]}
      />
    </Card>
  );
}

function Sessions({ sessions, now }: { sessions: Session[]; now: number }) {
  const { words } = usePreferences();
  const say = words.wallboard;
  const agents = useClient().live.agents;
  return (
    <Card variant="borderless" title={say.sessions}>
      <Table<Session>
        size="small"
        rowKey="id"
        pagination={false}
        dataSource={sessions}
        locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={say.noSessions} /> }}
        columns={[
          { title: say.caller, render: (_, session) => customerLines(session.customer, words).title },
          {
            title: say.state,
            render: (_, session) => (
              <Flex gap={4}>
                <Tag>{words.channels[session.channel]}</Tag>
                <Tag color={session.state === "talking" ? "success" : "warning"}>{words.sessionStates[session.state]}</Tag>
              </Flex>
            ),
          },
          { title: say.agent, render: (_, session) => agents.get(session.agent_id ?? "")?.name ?? "–" },
          { title: say.since, align: "right", render: (_, session) => <span className="tabular">{duration(now - Date.parse(session.started_at))}</span> },
        ]}
      />
    </Card>
  );
}

function percent(share: number | null): string {
  return share === null ? "–" : `${Math.round(share * 100)} %`;
}
