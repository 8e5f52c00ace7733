/** A page that fails shows a way back instead of nothing; a call and its sound, outside of it, go on. */

import { Button, Result } from "antd";
import { Component, type ReactNode } from "react";
import { useWords } from "../preferences";

/** Give it a `key` that changes with the page, so that going elsewhere starts afresh. */
export class Failsafe extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render(): ReactNode {
    return this.state.failed ? <Failed onRetry={() => this.setState({ failed: false })} /> : this.props.children;
  }
}

function Failed({ onRetry }: { onRetry: () => void }) {
  const words = useWords();
  return <Result status="warning" title={words.failed} extra={<Button onClick={onRetry}>{words.retry}</Button>} />;
}
