/** An EventTarget whose events and details are known to the compiler. */

export type Listener<Detail> = (event: CustomEvent<Detail>) => void;

export class TypedEventTarget<Events extends object> {
  readonly #target = new EventTarget();

  /** Listen until `signal` aborts; one signal can take down every listener of a component. */
  addEventListener<Name extends keyof Events & string>(
    type: Name,
    listener: Listener<Events[Name]>,
    options?: { signal?: AbortSignal; once?: boolean },
  ): void {
    this.#target.addEventListener(type, listener as EventListener, options);
  }

  removeEventListener<Name extends keyof Events & string>(type: Name, listener: Listener<Events[Name]>): void {
    this.#target.removeEventListener(type, listener as EventListener);
  }

  protected emit<Name extends keyof Events & string>(type: Name, detail: Events[Name]): void {
    this.#target.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
