/** Who is logged in, language, appearance, shortcuts, log-out. */

import { LogoutOutlined, MoonOutlined, SunOutlined, UserOutlined } from "@ant-design/icons";
import { Avatar, Button, Dropdown, Flex, Tooltip, type MenuProps } from "antd";
import { useState } from "react";
import { useClient } from "../client";
import { usePreferences, type Appearance } from "../preferences";
import { ShortcutHelp } from "./ShortcutHelp";

export function AccountMenu() {
  const client = useClient();
  const { words, language, dark, appearance, change } = usePreferences();
  const [helping, setHelping] = useState(false);
  const { user } = client;
  if (user === null) return null;

  const appearanceItem = (key: Appearance) => ({ key, label: words.account[key], onClick: () => change({ appearance: key }) });
  const items: MenuProps["items"] = [
    { key: "who", type: "group", label: `${user.name} · ${words.roles[user.role]}` },
    { key: "theme", label: words.account.theme, children: [appearanceItem("system"), appearanceItem("light"), appearanceItem("dark")] },
    { key: "shortcuts", label: words.account.shortcuts, onClick: () => setHelping(true) },
    { type: "divider" },
    { key: "logout", icon: <LogoutOutlined />, label: words.account.logout, onClick: () => client.logout() },
  ];
  return (
    <Flex align="center" gap={4}>
      <Button
        type="text"
        lang={language === "zh" ? "en" : "zh-CN"}
        onClick={() => change({ language: language === "zh" ? "en" : "zh" })}
      >
        {language === "zh" ? "English" : "中文"}
      </Button>
      <Tooltip title={dark ? words.account.light : words.account.dark}>
        <Button
          type="text"
          aria-label={dark ? words.account.light : words.account.dark}
          icon={dark ? <SunOutlined /> : <MoonOutlined />}
          onClick={() => change({ appearance: dark ? "light" : "dark" })}
        />
      </Tooltip>
      <Dropdown menu={{ items, selectedKeys: [appearance] }} trigger={["click"]} placement="bottomRight">
        <Button type="text" aria-label={words.account.menu} icon={<Avatar size={26} icon={<UserOutlined />} />} />
      </Dropdown>
      <ShortcutHelp open={helping} onClose={() => setHelping(false)} />
    </Flex>
  );
}
