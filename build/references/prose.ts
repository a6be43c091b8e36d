/** A file of the repository. `path` is relative to its top. */
export type Source = { readonly path: string; readonly text: string };

/** Something found in a line, counted from one. */
export type Found = { readonly line: number; readonly what: string };

/** What a person wrote for a person: a line of a document, a comment of a line of code, or one text in it. */
export type Prose = {
  readonly line: number;
  readonly text: string;
  readonly kind: 'document' | 'comment' | 'text';
  /** True where a comment or text begins: what stands first in it names what follows. */
  readonly begins: boolean;
};

/** Programs of the shell, units, lists: comments behind a `#`, and no texts. */
const hashComments =
  /\.(?:sh|service|yaml|yml|txt)$|(?:^|\/)\.(?:taprc|gitignore|prettierignore)$|^\.ci\/|^test\/vm\/(?:guest|loop)\//;

/** The prose of a file, line by line. Code is not parsed: a line tells by its first characters whether it is in a comment. */
export function proseOf({ path, text }: Source): Prose[] {
  const lines = text.split('\n');
  const parts = (line: string, before: string): Omit<Prose, 'line'>[] => {
    if (path.endsWith('.md')) return [{ text: line, kind: 'document', begins: false }];
    if (hashComments.test(path)) return hashComment(line, before);
    return [...comments(line, before), ...texts(line)];
  };
  return lines.flatMap((line, index) =>
    parts(line, lines[index - 1] ?? '').map((part) => ({ line: index + 1, ...part })),
  );
}

function hashComment(line: string, before: string): Omit<Prose, 'line'>[] {
  const [, text] = /(?:^|\s)#\s*(.*)$/.exec(line) ?? [];
  return text === undefined ? [] : [{ text, kind: 'comment', begins: !/^\s*#/.test(before) }];
}

function comments(line: string, before: string): Omit<Prose, 'line'>[] {
  const [, sign, whole] = /^\s*(\/\*\*?|\*(?!\/))\s?(.*?)(?:\*\/)?\s*$/.exec(line) ?? [];
  if (whole !== undefined)
    return [{ text: whole.trim(), kind: 'comment', begins: sign !== '*' || /^\s*\/\*\*?$/.test(before) }];
  const [, inside] = /\/\*\*?\s(.*?)\*\//.exec(line) ?? [];
  // A colon in front makes it an address, a quote or backslash a text or pattern.
  const [, behind] = /(?:^|[^:\\/'"`])\/\/\s*(.*)$/.exec(line) ?? [];
  const goesOn = /^\s*\/\//.test(line) && /^\s*\/\//.test(before);
  return [
    ...(inside === undefined ? [] : [{ text: inside.trim(), kind: 'comment', begins: true } as const]),
    ...(behind === undefined ? [] : [{ text: behind, kind: 'comment', begins: !goesOn } as const]),
  ];
}

function texts(line: string): Omit<Prose, 'line'>[] {
  if (/^\s*(?:\/\*|\*|\/\/)/.test(line)) return [];
  return [...line.matchAll(/(['"`])((?:\\.|(?!\1).)*)\1/g)].map(([, , text = '']) => ({
    text,
    kind: 'text',
    begins: true,
  }));
}
