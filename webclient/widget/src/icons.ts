/** Line icons of 24 by 24, drawn with the colour of the text. */

const draw = (body: string) =>
  `<svg viewBox="0 0 24 24" width="22" height="22" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${body}</svg>`;

const handset =
  '<path d="M5.6 3.5h2.6l1.6 4.2-2 1.6a12.3 12.3 0 0 0 6.9 6.9l1.6-2 4.2 1.6v2.6c0 1.2-1 2.1-2.2 2A17 17 0 0 1 3.6 5.7c-.1-1.2.8-2.2 2-2.2Z"/>';

export const icons = {
  phone: draw(handset),
  hangUp: draw(`<g transform="rotate(135 12 12)">${handset}</g>`),
  video: draw('<rect x="2.5" y="6" width="13" height="12" rx="2.5"/><path d="m15.5 10.5 6-3.2v9.4l-6-3.2"/>'),
  microphone: draw('<rect x="9" y="3" width="6" height="11" rx="3"/><path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3"/>'),
  hold: draw('<path d="M9 5v14M15 5v14"/>'),
  screen: draw('<rect x="3" y="4.5" width="18" height="12" rx="2"/><path d="M8.5 20h7M12 13.5V8M9.5 10.2 12 7.8l2.5 2.4"/>'),
  keypad: draw(
    [6, 12, 18].flatMap((y) => [6, 12, 18].map((x) => `<circle cx="${x}" cy="${y}" r="1.4" fill="currentColor"/>`)).join(""),
  ),
  chat: draw('<path d="M4 5h16v11H9.5L5 20v-4H4z"/>'),
  send: draw('<path d="M4 12 20 4l-5 16-3.5-6.5zM11.5 13.5 20 4"/>'),
};
