/** The references of `containers.list`: one a line, order kept, blank lines and repetitions dropped. */
export function imageList(text: string): string[] {
  return [
    ...new Set(
      text
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== ''),
    ),
  ];
}
