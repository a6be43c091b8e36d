import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { t as file, test } from 'tap';
import { makeCertificates, makeLayer, pushImage, startPeer } from '../../test/registry-peer.ts';
import { surroundings } from './test-surroundings.ts';
import { assertSame, verdictsOn, type Expected } from './test-verdicts.ts';

/*
 * registries.conf: what our client and skopeo make of the same files. S is a registry with TLS that this machine trusts, H one without TLS,
 * D the digest of the image that both have. The files lie in the home folder, which both sides read first.
 */

file.setTimeout(0); // one process a question; run by hand, a file has 30 s

type Row = readonly [
  name: string,
  files: string | Readonly<Record<string, string>>,
  image: string,
  expected?: Expected,
];

const rule = (table: string, ...mirrors: readonly string[]): string =>
  [`[[registry]]\n${table}`, ...mirrors.map((mirror) => `[[registry.mirror]]\n${mirror}`), ''].join('\n');
const insecure = rule('location="H"\ninsecure=true');
const plain = 'H/lab/app:1';
const own = 'S/lab/app:1';
const far = 'q.lab/lab/app:1';
const correct = 'correct "HOME/registries.conf"';
const network = 'check network, DNS and proxy of this machine';
const faulty = (what: string): Expected => ({ refused: [`"HOME/registries.conf" ${what}`, undefined, correct] });
const noToml = (why: string): Expected => ({
  refused: ['"HOME/registries.conf" is not TOML', `Invalid TOML document: ${why}`, correct],
});
const blocked = (prefix: string, image: string, file = 'registries.conf'): Expected => ({
  refused: [
    `registry "${prefix}" is blocked in registries.conf and has no mirror for "${image}"`,
    undefined,
    `take "${prefix}" out of the blocked ones in "HOME/${file}", or give it a mirror`,
  ],
});
const slash = (mirror: string, prefix: string): Expected => ({
  alone: 'reads',
  refused: [
    `mirror "${mirror}/" of "${prefix}" ends in a slash`,
    `podman refuses every image of "${prefix}" for it: invalid reference format`,
    'take the slash at the end of the location off in "HOME/registries.conf"',
  ],
});
/** What only podman's reader finds. */
const found = (why: string, image = own): Expected => ({
  alone: 'reads',
  refused: [
    `podman will not pull "${image}", although its registry gives it`,
    `loading registries configuration "HOME/registries.conf": ${why}`,
    'correct registries.conf',
  ],
});
const away: Expected = { refused: ['registry "q.lab" is not reachable', 'its name is not known to DNS', network] };
const noTls: Expected = {
  refused: [
    'no place gave "q.lab/lab/app:1"',
    'registry "H" does not speak TLS as expected (wrong version number); registry "q.lab" is not reachable (its name is not known to DNS)',
    'check the port; a registry without TLS needs "insecure = true" in registries.conf',
  ],
};

const rules: Row[] = [
  ['nothing', '', own],
  ['a mirror', rule('location="q.lab"', 'location="S"'), far],
  ['a mirror of a namespace', rule('location="q.lab/x"', 'location="S/lab"'), 'q.lab/x/app:1'],
  ['a location that ends in a slash', rule('location="S/"'), own],
  ['a prefix that ends in a slash', rule('prefix="q.lab/"\nlocation="S/"'), far],
  ['a mirror that ends in a slash', rule('location="q.lab"', 'location="S/"'), far, slash('S', 'q.lab')],
  [
    'a mirror of a namespace that ends in a slash',
    rule('location="q.lab/x"', 'location="S/lab/"'),
    'q.lab/x/app:1',
    slash('S/lab', 'q.lab/x'),
  ],
  [
    'the same with a source that has the image',
    rule('location="S"', 'location="127.0.0.1:1/"'),
    own,
    slash('127.0.0.1:1', 'S'),
  ],
  ['a mirror for digests, and a tag', rule('location="q.lab"\nmirror-by-digest-only=true', 'location="S"'), far, away],
  [
    'a mirror for digests, and a digest',
    rule('location="q.lab"\nmirror-by-digest-only=true', 'location="S"'),
    'q.lab/lab/app@D',
  ],
  ['a mirror for tags, and a tag', rule('location="q.lab"', 'location="S"\npull-from-mirror="tag-only"'), far],
  [
    'a mirror for tags, and a digest',
    rule('location="q.lab"', 'location="S"\npull-from-mirror="tag-only"'),
    'q.lab/lab/app@D',
    away,
  ],
  [
    'no TLS',
    '',
    plain,
    {
      refused: [
        'registry "H" does not speak TLS as expected',
        'wrong version number',
        'check the port; a registry without TLS needs "insecure = true" in registries.conf',
      ],
    },
  ],
  ['no TLS, and insecure', insecure, plain],
  ['a mirror without TLS, and insecure', rule('location="q.lab"', 'location="H"\ninsecure=true'), far],
  [
    'a mirror without TLS that another rule calls insecure',
    rule('location="q.lab"', 'location="H"') + insecure,
    far,
    noTls,
  ],
  ['a mirror without TLS of an insecure source', rule('location="q.lab"\ninsecure=true', 'location="H"'), far, noTls],
  ['blocked', rule('location="S"\nblocked=true'), own, blocked('S', own)],
  ['blocked, and a mirror', rule('location="q.lab"\nblocked=true', 'location="S"'), far],
  [
    'a mirror that is blocked',
    rule('location="q.lab"', 'location="S"') + rule('location="S"\nblocked=true'),
    far,
    away,
  ],
  ['blocked under another name', rule('prefix="q.lab"\nlocation="S"\nblocked=true'), far],
  ['another one blocked', rule('location="other.lab"\nblocked=true'), own],
  ['a wildcard', rule('prefix="*.lab"\nlocation="S"'), 'a.q.lab/lab/app:1'],
  [
    'two wildcards, the longer last',
    rule('prefix="*.lab"\nlocation="S/none"') + rule('prefix="*.q.lab"\nlocation="S/lab"'),
    'a.q.lab/app:1',
  ],
  [
    'two wildcards, the longer first',
    rule('prefix="*.q.lab"\nlocation="S/lab"') + rule('prefix="*.lab"\nlocation="S/none"'),
    'a.q.lab/app:1',
  ],
  [
    'a host and a wildcard of one length',
    rule('prefix="a.q.lab"\nlocation="S/none"') + rule('prefix="*.q.lab"\nlocation="S/lab"'),
    'a.q.lab/app:1',
  ],
  ['one prefix twice', rule('prefix="q.lab"\nlocation="S"') + rule('prefix="q.lab"\nlocation="x.lab"'), far],
  ['a prefix with a tag', rule('prefix="S/lab/app:1"\nlocation="x.lab/a"'), own],
  ['a mirror whose name is no host name', rule('location="q.lab"', 'location="mir_ror.lab"', 'location="S"'), far],
  [
    'a mirror with capitals in its path',
    rule('location="q.lab"', 'location="mirror.lab/NS"', 'location="S"'),
    far,
    {
      refused: [
        '"HOME/registries.conf" leads "q.lab/lab/app:1" to "mirror.lab/NS", which makes no image name',
        'image reference "mirror.lab/NS/lab/app:1" has upper-case letters in its repository; repositories are lower case',
        correct,
      ],
    },
  ],
];

const faults: Row[] = [
  [
    'a location with a scheme',
    rule('location="https://other.lab"'),
    own,
    faulty('has the location "https://other.lab"; write it without "https://"'),
  ],
  [
    'a mirror with a scheme',
    rule('location="q.lab"', 'location="https://S"'),
    far,
    faulty('has the location "https://S"; write it without "https://"'),
  ],
  ['neither location nor prefix', rule('blocked=true'), own, faulty('has a registry with neither prefix nor location')],
  ['a prefix without location', rule('prefix="x.lab"'), own, faulty('has no location for the prefix "x.lab"')],
  [
    'a mirror without location',
    rule('location="q.lab"', 'insecure=true'),
    own,
    faulty('has a mirror of "q.lab" without location'),
  ],
  [
    'a mirror with an empty location',
    rule('location="q.lab"', 'location=""'),
    own,
    faulty('has a mirror of "q.lab" without location'),
  ],
  [
    'an unknown use of a mirror',
    rule('location="q.lab"', 'location="S"\npull-from-mirror="never"'),
    own,
    faulty('has pull-from-mirror "never" for a mirror of "q.lab"; known are all, digest-only, tag-only'),
  ],
  [
    'two uses of a mirror',
    rule('location="q.lab"\nmirror-by-digest-only=true', 'location="S"\npull-from-mirror="all"'),
    own,
    faulty('sets both mirror-by-digest-only and pull-from-mirror for "q.lab"; keep one'),
  ],
  [
    'the use of a mirror for a registry',
    rule('location="q.lab"\npull-from-mirror="all"'),
    own,
    faulty('sets pull-from-mirror for the registry "q.lab"; it belongs to a mirror'),
  ],
  [
    'a wildcard with a port',
    rule('prefix="*.lab:5000"\nlocation="S"'),
    own,
    faulty('has the prefix "*.lab:5000"; after "*." only a domain may follow'),
  ],
  [
    'a wildcard with a path',
    rule('prefix="*.lab/x"\nlocation="S"'),
    own,
    faulty('has the prefix "*.lab/x"; after "*." only a domain may follow'),
  ],
  [
    'insecure and not',
    rule('location="x.lab"\ninsecure=true') + rule('prefix="y.lab"\nlocation="x.lab"'),
    own,
    faulty('has several settings of "insecure" for "x.lab"'),
  ],
  [
    'blocked and not',
    rule('location="x.lab"\nblocked=true') + rule('location="x.lab"'),
    own,
    faulty('has several settings of "blocked" for "x.lab"'),
  ],
  [
    'a search list with a scheme',
    'unqualified-search-registries=["https://x"]',
    own,
    found("invalid location 'https://x': URI schemes are not supported"),
  ],
  [
    'a search list with a namespace',
    'unqualified-search-registries=["x.lab/ns"]',
    own,
    found('Invalid unqualified-search-registries entry "x.lab/ns"'),
  ],
  ['an unknown mode of short names', 'short-name-mode="sometimes"', own, found('invalid short-name mode: "sometimes"')],
  [
    'an alias without registry',
    '[aliases]\n"a"="b"',
    own,
    found('validating short-name aliases: invalid alias "b": must contain registry and repository'),
  ],
  ['an alias', '[aliases]\n"a"="b.lab/c"', own],
];

const versionOne: Row[] = [
  ['[registries.block] with the registry', '[registries.block]\nregistries=["S"]', own, blocked('S', own)],
  ['[registries.block] with another one', '[registries.block]\nregistries=["other.lab"]', own],
  ['[registries.insecure]', '[registries.insecure]\nregistries=["H"]', plain],
  [
    '[registries.insecure] with a scheme',
    '[registries.insecure]\nregistries=["http://H"]',
    plain,
    faulty('has the location "http://H"; write it without "http://"'),
  ],
  ['[registries.search]', '[registries.search]\nregistries=["docker.io"]', own],
  [
    'all three, as Debian once shipped them',
    '[registries.search]\nregistries=["docker.io"]\n[registries.insecure]\nregistries=[]\n[registries.block]\nregistries=[]',
    own,
  ],
  [
    'both versions',
    'unqualified-search-registries=["docker.io"]\n[registries.block]\nregistries=["x.lab"]',
    own,
    {
      refused: [
        '"HOME/registries.conf" mixes version 1 and 2 of registries.conf, which podman does not take',
        undefined,
        'write it in version 2: [[registry]] tables with "location", "insecure", "blocked"',
      ],
    },
  ],
  [
    'version 2 with an empty list of version 1',
    'unqualified-search-registries=["docker.io"]\n[registries.block]\nregistries=[]',
    own,
  ],
  [
    'version 1 with an empty list of version 2',
    'unqualified-search-registries=[]\n[registries.block]\nregistries=["x.lab"]',
    own,
  ],
  [
    'version 1 as a drop-in',
    { 'registries.conf.d/a.conf': '[registries.block]\nregistries=["x.lab"]' },
    own,
    {
      refused: [
        '"HOME/registries.conf.d/a.conf" is a registries.conf of version 1, which podman does not take as a drop-in',
        undefined,
        'write it in version 2: [[registry]] tables with "location", "insecure", "blocked"',
      ],
    },
  ],
  ['an empty drop-in of version 1', { 'registries.conf.d/a.conf': '[registries.block]\nregistries=[]' }, own],
];

const places: Row[] = [
  [
    'a drop-in',
    { 'registries.conf.d/a.conf': rule('location="S"\nblocked=true') },
    own,
    blocked('S', own, 'registries.conf.d/a.conf'),
  ],
  [
    'a later drop-in',
    {
      'registries.conf.d/a.conf': rule('location="S"\nblocked=true'),
      'registries.conf.d/b.conf': rule('location="S"'),
    },
    own,
  ],
  ['a drop-in with another ending', { 'registries.conf.d/a.txt': 'broken [' }, own],
  [
    'a broken drop-in',
    { 'registries.conf.d/a.conf': 'broken [' },
    own,
    {
      refused: [
        '"HOME/registries.conf.d/a.conf" is not TOML',
        'Invalid TOML document: illegal character in key',
        'correct "HOME/registries.conf.d/a.conf"',
      ],
    },
  ],
  ['a named file', { 'named.conf': rule('location="q.lab"', 'location="S"') }, far],
  [
    'a drop-in beside a named file',
    { 'named.conf': '', 'registries.conf.d/a.conf': rule('location="S"\nblocked=true') },
    own,
    blocked('S', own, 'registries.conf.d/a.conf'),
  ],
];

const toml: Row[] = [
  ['names in capitals', '[[Registry]]\nLocation="H"\nInsecure=true', plain],
  ['unknown keys', `colour="blue"\n${rule('location="H"\ninsecure=true\nshape=1')}`, plain],
  ['lines that end as on Windows', insecure.replaceAll('\n', '\r\n'), plain],
  ['inline tables', 'registry=[{location="H",insecure=true}]', plain],
  ['single quotes', rule("location='H'\ninsecure=true"), plain],
  ['three quotes', rule('location="""H"""\ninsecure=true'), plain],
  ['lists of mixed types', `x=[1,"a"]\n${insecure}`, plain],
  ['a number that only 64 bits hold', `x=9007199254740993\n${insecure}`, plain],
  ['no newline at the end', insecure.trimEnd(), plain],
  ['a broken table', '[[registry', own, noToml('incomplete key-value: cannot find end of key')],
  [
    'one key twice',
    rule('location="H"\ninsecure=true\ninsecure=true'),
    plain,
    noToml('trying to redefine an already defined table or value'),
  ],
  ['a control character', `# \x01\n${insecure}`, plain, noToml('control characters are not allowed in comments')],
  [
    'a number for a list',
    'registry=3',
    own,
    {
      refused: [
        '"HOME/registries.conf" is not a registries.conf that podman reads',
        'registry: Invalid input',
        correct,
      ],
    },
  ],
  [
    'a text for a flag',
    rule('location="S"\ninsecure="true"'),
    own,
    {
      refused: [
        '"HOME/registries.conf" is not a registries.conf that podman reads',
        'registry.0.insecure: Invalid input',
        correct,
      ],
    },
  ],
  [
    'an escape of TOML 1.1',
    `x="\\e"\n${insecure}`,
    plain,
    found('toml: line 1 (last key "x"): invalid escape in string \'\\e\'', plain),
  ],
  [
    'a comma at the end of an inline table',
    'registry=[{location="H",insecure=true,}]',
    plain,
    found('toml: line 1 (last key "registry.insecure"): trailing comma not allowed in inline tables', plain),
  ],
];

const helpers: Row[] = [
  ['the auth file as helper', 'credential-helpers=["containers-auth.json"]', own],
  ['no helper', 'credential-helpers=[]', own],
  [
    'a helper that is not installed',
    'credential-helpers=["nonesuch"]',
    own,
    {
      alone: 'reads',
      refused: [
        'skopeo cannot read "S/lab/app:1"',
        'error getting credentials - err: docker-credential-nonesuch resolves to executable in current directory (./docker-credential-nonesuch), out: ``',
        'install the credential helper, or put the credentials into the pull secret',
      ],
    },
  ],
];

const tables = { rules, faults, 'version 1': versionOne, places, 'the language': toml, helpers };

for (const [title, rows] of Object.entries(tables))
  test(`registries.conf, ${title}: our verdict is skopeo's`, { timeout: 0 }, async (t) => {
    await using at = await surroundings();
    const certificates = await makeCertificates(join(at.folder, 'tls'));
    await using secure = await startPeer({ folder: join(at.folder, 'secure'), certificates });
    await using open = await startPeer({ folder: join(at.folder, 'open') });
    const layers = [await makeLayer({ x: 'x' })];
    const { digest } = await pushImage(secure, 'lab/app', '1', layers);
    await pushImage(open, 'lab/app', '1', layers);
    const home = join(at.folder, '.config/containers');
    const real = (text: string): string =>
      text.replaceAll(/\bS\b/g, secure.address).replaceAll(/\bH\b/g, open.address).replaceAll(/\bD\b/g, digest);
    for (const [name, files, image, expected = {}] of rows)
      await t.test(`${name}: ${expected.refused === undefined ? 'read' : 'refused'}`, async () => {
        rmSync(home, { recursive: true, force: true });
        mkdirSync(join(home, 'registries.conf.d'), { recursive: true });
        const all = typeof files === 'string' ? { 'registries.conf': files } : files;
        for (const [file, text] of Object.entries(all)) writeFileSync(join(home, file), real(text));
        const named = 'named.conf' in all ? { CONTAINERS_REGISTRIES_CONF: join(home, 'named.conf') } : {};
        const env = { SSL_CERT_FILE: certificates.caFile, PATH: process.env['PATH'] ?? '', ...named };
        const verdicts = await verdictsOn(at, { image: real(image), env });
        assertSame(verdicts, expected, { S: secure.address, H: open.address, HOME: home });
      });
  });
