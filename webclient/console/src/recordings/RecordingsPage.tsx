/** Recorded sessions, newest first, with search and filters. */

import { explain, type RecordingFilter, type RecordingPage, type RecordingSummary } from "@mediaswitch/sdk";
import { AudioOutlined, DesktopOutlined, GlobalOutlined, PhoneOutlined, SearchOutlined, VideoCameraOutlined } from "@ant-design/icons";
import { Alert, Button, Card, DatePicker, Empty, Flex, Input, Select, Space, Table, Tag, Tooltip, Typography, type TableProps } from "antd";
import { useCallback, useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { useClient } from "../client";
import { customerLines, dateTime, duration } from "../common/format";
import { useQueueLabel } from "../common/useQueueLabel";
import { usePreferences } from "../preferences";
import type { Words } from "../words/en";
import style from "./Recordings.module.css";

export default function RecordingsPage() {
  const { words, language } = usePreferences();
  const { rows, loading, failure, filter, look, more } = useRecordings();
  const [, go] = useLocation();
  const filtered = Object.values(filter).some((value) => value !== undefined && value !== "");
  const empty = filtered ? words.recordings.emptyFiltered : words.recordings.empty;
  return (
    <div className={style.page}>
      <Flex justify="space-between" align="center" wrap gap={12}>
        <Typography.Title level={3} className={style.title}>
          {words.recordings.title}
        </Typography.Title>
        <Filters onChange={look} />
      </Flex>
      {failure !== null && (
        <Alert type="error" showIcon title={explain(failure, language)} action={<Button onClick={() => look(filter)}>{words.retry}</Button>} />
      )}
      <Card variant="borderless" styles={{ body: { padding: 4 } }}>
        <Table<RecordingSummary>
          rowKey="session_id"
          pagination={false}
          loading={loading}
          dataSource={rows}
          columns={useColumns()}
          locale={{ emptyText: loading ? " " : <Empty description={empty} /> }}
          onRow={(row) => ({ onClick: () => go(`/recordings/${row.session_id}`), className: style.row ?? "" })}
        />
        {more !== null && (
          <Flex justify="center" className={style.more}>
            <Button onClick={more}>{words.recordings.more}</Button>
          </Flex>
        )}
      </Card>
    </div>
  );
}

/** One question to the server: what is looked for, and where the last page ended. */
interface Request {
  filter: RecordingFilter;
  cursor?: string;
}

/** Rows a page at a time; an answer to an older question is dropped. */
function useRecordings() {
  const client = useClient();
  const [request, setRequest] = useState<Request>({ filter: {} });
  const [answered, setAnswered] = useState<Request | null>(null);
  const [rows, setRows] = useState<RecordingSummary[]>([]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => {
    let wanted = true;
    const asked = request.cursor === undefined ? request.filter : { ...request.filter, cursor: request.cursor };
    const take = ({ recordings, next_cursor }: RecordingPage) => {
      setRows((before) => (request.cursor === undefined ? recordings : [...before, ...recordings]));
      setCursor(next_cursor);
      setFailure(null);
    };
    client
      .recordings({ ...asked, limit: PAGE_ROWS })
      .then((found) => wanted && take(found))
      .catch((error: unknown) => wanted && setFailure(error))
      .finally(() => wanted && setAnswered(request));
    return () => {
      wanted = false;
    };
  }, [client, request]);
  const more = cursor === null ? null : () => setRequest({ filter: request.filter, cursor });
  const look = useCallback((filter: RecordingFilter) => setRequest({ filter }), []);
  return { rows, loading: answered !== request, failure, filter: request.filter, look, more };
}

const TYPING_MS = 300;
const PAGE_ROWS = 50;

function Filters({ onChange }: { onChange: (filter: RecordingFilter) => void }) {
  const { words, language } = usePreferences();
  const queues = [...useClient().live.queues.values()];
  const [queue, setQueue] = useState<string | undefined>();
  const [q, setQ] = useState("");
  const [days, setDays] = useState<Pick<RecordingFilter, "from" | "to">>({});
  useEffect(() => {
    const timer = setTimeout(() => onChange({ ...days, ...(q === "" ? {} : { q }), ...(queue === undefined ? {} : { queue }) }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [q, queue, days, onChange]);
  return (
    <Space>
      <Input
        allowClear
        prefix={<SearchOutlined />}
        aria-label={words.recordings.search}
        placeholder={words.recordings.search}
        value={q}
        onChange={(event) => setQ(event.target.value)}
      />
      <Select
        allowClear
        className={style.queue ?? ""}
        aria-label={words.recordings.anyQueue}
        placeholder={words.recordings.anyQueue}
        value={queue}
        onChange={setQueue}
        options={queues.map((each) => ({ value: each.name, label: each.label[language] }))}
      />
      <DatePicker.RangePicker
        placeholder={[words.recordings.from, words.recordings.to]}
        onChange={(range) => {
          const [from, to] = [range?.[0], range?.[1]];
          setDays({
            ...(from ? { from: from.startOf("day").toISOString() } : {}),
            ...(to ? { to: to.endOf("day").toISOString() } : {}),
          });
        }}
      />
    </Space>
  );
}

const stateColours = { complete: "success", recording: "processing", repaired: "warning" } as const;

function useColumns(): NonNullable<TableProps<RecordingSummary>["columns"]> {
  const { words, language } = usePreferences();
  const queueLabel = useQueueLabel();
  const say = words.recordings;
  return [

      {
        title: say.customer,
        render: (_, row) => (
          <Link to={`/recordings/${row.session_id}`} className={style.who}>
            {row.channel === "phone" ? <PhoneOutlined /> : <GlobalOutlined />} {customerLines(row.customer, words).title}
          </Link>
        ),
      },
      { title: say.started, render: (_, row) => <span className="tabular">{dateTime(row.started_at, language)}</span> },
      { title: say.duration, align: "right", render: (_, row) => <span className="tabular">{duration(row.duration_ms)}</span> },
      { title: say.agent, render: (_, row) => row.agent?.name ?? "–" },
      { title: say.queue, render: (_, row) => (row.queue === null ? "–" : queueLabel(row.queue)) },
      { title: say.media, render: (_, row) => <Media row={row} words={words} /> },
      {
        title: say.state,
        render: (_, row) => (
          <Tooltip title={row.state === "repaired" ? say.repairedHint : undefined}>
            <Tag color={stateColours[row.state]}>{say.states[row.state]}</Tag>
          </Tooltip>
        ),
      },
  ];
}

const icons = { audio: <AudioOutlined />, camera: <VideoCameraOutlined />, screen: <DesktopOutlined /> };

function Media({ row, words }: { row: RecordingSummary; words: Words }) {
  return (
    <Space>
      {row.media.map((kind) => (
        <Tooltip key={kind} title={words.media[kind]}>
          <span aria-label={words.media[kind]}>{icons[kind]}</span>
        </Tooltip>
      ))}
    </Space>
  );
}
