/** The list of single-key shortcuts, and the switch that turns them off. */

import { Flex, Modal, Switch, Typography } from "antd";
import { usePreferences } from "../preferences";

const KEYS = [
  ["1", "available"],
  ["2", "break"],
  ["3", "offline"],
  ["A", "accept"],
  ["D", "decline"],
  ["M", "mute"],
  ["H", "hold"],
  ["C", "camera"],
  ["S", "screen"],
  ["E", "hangUp"],
  ["F", "finish"],
  ["Space", "play"],
  ["←", "back"],
  ["→", "forward"],
  ["[", "slower"],
  ["]", "faster"],
  ["P", "previous"],
  ["N", "next"],
] as const;

export function ShortcutHelp({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { words, shortcuts, change } = usePreferences();
  return (
    <Modal open={open} onCancel={onClose} footer={null} title={words.shortcuts.title} width={460}>
      <Flex justify="space-between" align="center" style={{ margin: "12px 0 16px" }}>
        <Typography.Text>{words.account.shortcuts}</Typography.Text>
        <Switch aria-label={words.account.shortcuts} checked={shortcuts} onChange={(on) => change({ shortcuts: on })} />
      </Flex>
      {KEYS.map(([key, action]) => (
        <Flex key={key} justify="space-between" style={{ padding: "3px 0" }}>
          <Typography.Text type="secondary">{words.shortcuts[action]}</Typography.Text>
          <Typography.Text keyboard>{key}</Typography.Text>
        </Flex>
      ))}
    </Modal>
  );
}
