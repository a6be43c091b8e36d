/**
 * Block YAML as operators render it: dashes at the parent's indent, texts of variables in double quotes, scripts as literal blocks. Only
 * what the generator writes; every other text is plain or in single quotes.
 */
export function blockYaml(value: unknown): string {
  return lines(value, '').join('');
}

function lines(value: unknown, indent: string): string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown) => {
      if (typeof item !== 'object' || item === null) return [`${indent}- ${scalar(item, `${indent}  `, '')}\n`];
      const [first = '', ...rest] = lines(item, `${indent}  `);
      return [`${indent}- ${first.slice(indent.length + 2)}`, ...rest];
    });
  }
  return Object.entries(value as Record<string, unknown>).flatMap(([name, member]) => {
    if (typeof member !== 'object' || member === null)
      return [`${indent}${name}: ${scalar(member, `${indent}  `, name)}\n`];
    if (Object.keys(member).length === 0) return [`${indent}${name}: ${Array.isArray(member) ? '[]' : '{}'}\n`];
    return [`${indent}${name}:\n`, ...lines(member, Array.isArray(member) ? indent : `${indent}  `)];
  });
}

function scalar(value: unknown, indent: string, name: string): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  if (value.includes('\n'))
    return `|${value.endsWith('\n') ? '' : '-'}\n${value
      .replace(/\n$/, '')
      .split('\n')
      .map((line) => (line === '' ? '' : indent + line))
      .join('\n')}`;
  // Names and values of variables are quoted by the operator's template, whatever they hold.
  if (name === 'value' || /^NODE_|^ETCD|^ALL_ETCD/.test(value)) return JSON.stringify(value);
  return value === '' ||
    /^[\s,[\]{}#&*!|>'"%@`]|^[-?:](?:\s|$)|: | #|[\s:]$|^(?:true|false|null|yes|no|~|[\d.+-]+)$/i.test(value)
    ? `'${value.replaceAll("'", "''")}'`
    : value;
}
