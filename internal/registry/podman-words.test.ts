import assert from 'node:assert/strict';
import { test } from 'tap';
import { spokenReason } from './podman-words.ts';

test("the reason is taken out of podman's and skopeo's frames", async () => {
  const table: [string, string][] = [
    ['Trying to pull q.io/a:1...\nError: first\nError: manifest unknown\n', 'manifest unknown'],
    [
      'time="x" level=fatal msg="Error parsing image name \\"docker://q.io/a:1\\": pinging container registry q.io: Get \\"https://q.io/v2/\\": x509: certificate signed by unknown authority"',
      'x509: certificate signed by unknown authority',
    ],
    [
      'time="x" level=info msg="trying"\ntime="x" level=fatal msg="Error parsing image name \\"docker://a\\": getting username and password: 1 error occurred:\\n\\t* illegal base64 data at input byte 7\\n\\n"',
      'illegal base64 data at input byte 7',
    ],
    // Our own log takes the word behind "password:" for one.
    [
      'time="x" level=fatal msg="getting username and password: "[redacted]" error occurred:\\n\\t* illegal base64 data\\n\\n"',
      'illegal base64 data',
    ],
    [
      'time="x" level=fatal msg="loading registries configuration: loading registries configuration \\"/r.conf\\": toml: line 1"',
      'loading registries configuration "/r.conf": toml: line 1',
    ],
    [
      'Error: parsing manifest: unmarshaling OCI1Index "{\\"a\\":1}": json: cannot unmarshal number',
      'parsing manifest: json: cannot unmarshal number',
    ],
    ['words', 'words'],
    ['', ''],
  ];
  for (const [text, reason] of table) assert.equal(spokenReason(text), reason);
});
