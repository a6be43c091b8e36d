import { inspect } from 'node:util';

/**
 * A value that must not reach a log, an argument list, an error or a bundle. It has no string form: formatting it in any
 * way yields "[secret]". It travels to programs by a 0600 file or by standard input, never by argument.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Every call is a place to look at in review. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
