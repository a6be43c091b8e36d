/** What a guest hands over: `=== name` and the lines below it. */
export type Sections = ReadonlyMap<string, string>;

/** @throws Error when the text does not end as a complete one does */
export function parseSections(text: string): Sections {
  const parts = text.split(/^=== (\S+)\n/m);
  const sections = new Map<string, string>();
  for (let index = 1; index < parts.length; index += 2)
    sections.set(parts[index] ?? '', (parts[index + 1] ?? '').trimEnd());
  if (!sections.has('end')) throw new Error(`the guest has not told everything: ${[...sections.keys()].join(', ')}`);
  return sections;
}

export function sectionOf(sections: Sections, name: string): string {
  const text = sections.get(name);
  if (text === undefined)
    throw new Error(`the guest has told nothing about "${name}", only about ${[...sections.keys()].join(', ')}`);
  return text;
}
