/** Name and password, in the language of the browser. */

import { explain, ProblemError } from "@mediaswitch/sdk";
import { Alert, Button, Card, Flex, Form, Input, Typography } from "antd";
import { useState } from "react";
import { useClient } from "../client";
import logo from "../logo.svg";
import { usePreferences } from "../preferences";
import { LanguageSwitch } from "../shell/LanguageSwitch";
import style from "./LoginPage.module.css";

interface Credentials {
  username: string;
  password: string;
}

export function LoginPage() {
  const client = useClient();
  const { words, language } = usePreferences();
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const submit = async ({ username, password }: Credentials) => {
    setBusy(true);
    setFailure(null);
    try {
      await client.login(username, password);
    } catch (error) {
      const wrong = error instanceof ProblemError && error.status === 401;
      setFailure(wrong ? words.login.wrong : explain(error, language));
      setBusy(false);
    }
  };

  return (
    <main className={style.page}>
      <Card className={style.card} variant="borderless">
        <Flex align="center" gap={12} className={style.brand}>
          <img src={logo} alt="" width={40} height={40} />
          <div>
            <Typography.Title level={1} className={style.name}>
              {words.product}
            </Typography.Title>
            <Typography.Text type="secondary">{words.tagline}</Typography.Text>
          </div>
        </Flex>
        <Form<Credentials> layout="vertical" requiredMark={false} size="large" onFinish={(given) => void submit(given)}>
          <Form.Item name="username" label={words.login.username} rules={[{ required: true, message: words.login.missingName }]}>
            <Input autoFocus autoComplete="username" />
          </Form.Item>
          <Form.Item
            name="password"
            label={words.login.password}
            rules={[{ required: true, message: words.login.missingPassword }]}
          >
            <Input.Password autoComplete="current-password" />
          </Form.Item>
          {failure !== null && <Alert type="error" showIcon title={failure} className={style.failure} />}
          <Button type="primary" htmlType="submit" block loading={busy} autoInsertSpace={false}>
            {words.login.submit}
          </Button>
        </Form>
        <Typography.Paragraph type="secondary" className={style.hint}>
          {words.login.hint}
        </Typography.Paragraph>
      </Card>
      <LanguageSwitch />
    </main>
  );
}
