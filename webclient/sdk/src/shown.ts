/** How large a picture is shown: the server sends no larger one, which spares the path and both processors. */

/** Call `tell` with the element's height in device pixels, now and after each change; returns how to stop. */
export function watchHeight(element: HTMLElement, tell: (height: number) => void): () => void {
  let told = -1;
  const observer = new ResizeObserver(() => {
    const height = Math.round(element.clientHeight * devicePixelRatio);
    if (height === told) return;
    told = height;
    tell(height);
  });
  observer.observe(element);
  return () => observer.disconnect();
}
