/**
 * The reason in what podman or skopeo printed: podman's last "Error: …" line, the message of skopeo's last log line, else the last line;
 * without the phrases that only repeat what was asked.
 */
export function spokenReason(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const line = lines.findLast((each) => each.startsWith('Error:')) ?? lines.at(-1) ?? '';
  return withoutFrame(messageIn(line).replace(/\s+/g, ' ').trim()).slice(0, 500);
}

/** logrus writes `time="…" level=fatal msg="…"`. */
function messageIn(line: string): string {
  // To the last quote: our own log may have put "[redacted]" into it.
  const quoted = /\bmsg="(.*)"$/.exec(line)?.[1];
  if (quoted === undefined) return line.replace(/^Error:\s*/, '');
  return quoted.replace(/\\([abfnrtv])/g, ' ').replace(/\\(.)/g, '$1');
}

const frames = [
  /^(?:loading registries configuration: )+/,
  /^Error parsing image name "[^"]*": /,
  /^initializing source docker:\/\/\S+: /,
  /^Error (?:reading|retrieving|parsing) manifest for image: /i,
  /^pinging container registry \S+: /,
  /^getting username and password: .*? errors? occurred: \* /,
  /^Get "[^"]*": /,
];

function withoutFrame(message: string): string {
  let rest = message.replace(/unmarshaling \w+ ".*": (?=json: )/, ''); // the whole manifest stands there
  for (const frame of [...frames, ...frames]) rest = rest.replace(frame, '');
  return rest;
}
