/** Defines `<mediaswitch-call>`. The page that loads this script needs nothing else. */

import { MediaswitchCall } from "./element";

/** The server that this script came from. */
const origin = new URL(import.meta.url).origin;

customElements.define(
  "mediaswitch-call",
  class extends MediaswitchCall {
    override defaultServer = origin;
  },
);
