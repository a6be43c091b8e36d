import type { FieldPath } from './json.ts';

/** One step from a text to a value inside it. Plain data: a plan prints it, a test compares it. */
export type Part =
  | { readonly in: 'json'; readonly path: FieldPath }
  | { readonly in: 'yaml'; readonly path: FieldPath }
  | { readonly in: 'base64' }
  | { readonly in: 'data-url' }
  | { readonly in: 'pem'; readonly index: number }
  | { readonly in: 'jwt' }
  /** What follows the first colon of `user:password`. */
  | { readonly in: 'password' };

/** Where a value lives in a text, outermost part first. Empty: the whole text. */
export type Place = readonly Part[];

/** A place as people read it: `yaml users/0/user/token`, `base64`, `pem block 1`. Free of values. */
export function placeText(place: Place): string {
  return place.length === 0
    ? 'the whole text'
    : place
        .map((part) => {
          switch (part.in) {
            case 'json':
            case 'yaml':
              return `${part.in} "${part.path.join('/')}"`;
            case 'pem':
              return `pem block ${part.index}`;
            case 'base64':
            case 'data-url':
            case 'jwt':
            case 'password':
              return part.in;
          }
        })
        .join(', ');
}
