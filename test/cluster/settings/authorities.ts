/**
 * Authorities of a company that a cluster is told to trust: self-signed, P-256, valid until 2056. Their keys were thrown away; nobody has to
 * sign with them. In the bundles, comments and order as people leave them.
 */
const pem = (...lines: readonly string[]): string =>
  `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;

const root = pem(
  'MIIB0zCCAXmgAwIBAgIUXqIQ8+DiNwrGaK54upmHv0idghUwCgYIKoZIzj0EAwIw',
  'NjEVMBMGA1UECgwMRXhhbXBsZSBDb3JwMR0wGwYDVQQDDBRFeGFtcGxlIENvcnAg',
  'Um9vdCBDQTAgFw0yNjExMjExOTU3MThaGA8yMDU2MTExMzE5NTcxOFowNjEVMBMG',
  'A1UECgwMRXhhbXBsZSBDb3JwMR0wGwYDVQQDDBRFeGFtcGxlIENvcnAgUm9vdCBD',
  'QTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAGgloSvjIcCPo+VYZHp7BGU6vap',
  'f1LgWwHtjU6OzTKa3wcI/qfEW6yfeh6gbfmvWqT1xjreCC2TjmioFiTOWjCjYzBh',
  'MB0GA1UdDgQWBBTNPtdk+OYmvFfLddDX+qlDe6RF5jAfBgNVHSMEGDAWgBTNPtdk',
  '+OYmvFfLddDX+qlDe6RF5jAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIB',
  'BjAKBggqhkjOPQQDAgNIADBFAiBWvKewS4Gm991FWiMN92uJdZGgFBUliNarylRU',
  '8lKdVgIhANdUiXj9V47z/t0XF+nrSj152l1+8SLfWjsQ1F5QwMvu',
);

const siteOne = pem(
  'MIIB1zCCAX2gAwIBAgIUZDb4fWHPjd6Zvkjcicep/j4TppMwCgYIKoZIzj0EAwIw',
  'ODEVMBMGA1UECgwMRXhhbXBsZSBDb3JwMR8wHQYDVQQDDBZFeGFtcGxlIENvcnAg',
  'U2l0ZSBDQSAxMCAXDTI2MTEyMTE5NTcxOFoYDzIwNTYxMTEzMTk1NzE4WjA4MRUw',
  'EwYDVQQKDAxFeGFtcGxlIENvcnAxHzAdBgNVBAMMFkV4YW1wbGUgQ29ycCBTaXRl',
  'IENBIDEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARYIJqX8qzbtm6nbKaQL1+0',
  'JgZNGE0HyuJLuAcWJpO8kRse/PVfjhj0Cr3qRDZITjuQ11WeHsmq9YMgxVd/JC5w',
  'o2MwYTAdBgNVHQ4EFgQUreERUrYAjEW0FgkmnwhbxX6598cwHwYDVR0jBBgwFoAU',
  'reERUrYAjEW0FgkmnwhbxX6598cwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8E',
  'BAMCAQYwCgYIKoZIzj0EAwIDSAAwRQIgD1DfZibTHeAq7py3MxX5nc7fOzJ04bli',
  'XTZhPjBLwhQCIQCXF5Dm02VEXnwO5M9QVMmtT/X/qqTm4uZuvmYrtk7dow==',
);

const siteTwo = pem(
  'MIIB1jCCAX2gAwIBAgIUNVM1J423iuRMVrH2G6ujtbnDR+kwCgYIKoZIzj0EAwIw',
  'ODEVMBMGA1UECgwMRXhhbXBsZSBDb3JwMR8wHQYDVQQDDBZFeGFtcGxlIENvcnAg',
  'U2l0ZSBDQSAyMCAXDTI2MTEyMTE5NTcxOFoYDzIwNTYxMTEzMTk1NzE4WjA4MRUw',
  'EwYDVQQKDAxFeGFtcGxlIENvcnAxHzAdBgNVBAMMFkV4YW1wbGUgQ29ycCBTaXRl',
  'IENBIDIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASNVaym/rI6UMBi1IDTfFCY',
  'A8FcyPeKxZirMiqDvZ4wjZcpIh/ZycMCuSpjQX9Zz2Vomi5wL80rvU3GxFKFhNqA',
  'o2MwYTAdBgNVHQ4EFgQUk1uP3s1puJo0lhnesG0dVKWTICIwHwYDVR0jBBgwFoAU',
  'k1uP3s1puJo0lhnesG0dVKWTICIwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8E',
  'BAMCAQYwCgYIKoZIzj0EAwIDRwAwRAIgRH7lvJ838XgfzVBY92V4sbNdFDyaPnpr',
  'LWrcMLzPgk4CIDwQ5p+yBqKnzdU4qcXbYc6tUO5tOo+XG/t/CUFaIUaT',
);

const proxyOne = pem(
  'MIIBzjCCAXWgAwIBAgIUBq1eJbRMQxPJFEou9WiWsN3ce0MwCgYIKoZIzj0EAwIw',
  'NDEVMBMGA1UECgwMRXhhbXBsZSBDb3JwMRswGQYDVQQDDBJFeGFtcGxlIFByb3h5',
  'IENBIDEwIBcNMjYxMTIxMTk1NzE4WhgPMjA1NjExMTMxOTU3MThaMDQxFTATBgNV',
  'BAoMDEV4YW1wbGUgQ29ycDEbMBkGA1UEAwwSRXhhbXBsZSBQcm94eSBDQSAxMFkw',
  'EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZCKBKT1+9ATaKph59gPh7Z7QNav0VKWU',
  'jhmBOeLo5STa4PJx7G5B7jTmptigst4SSVqurgfWUxtHAwfnyfyw+6NjMGEwHQYD',
  'VR0OBBYEFK1N+rSD9IkMe1xQe/axdPfhRafVMB8GA1UdIwQYMBaAFK1N+rSD9IkM',
  'e1xQe/axdPfhRafVMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgEGMAoG',
  'CCqGSM49BAMCA0cAMEQCIHJigo/ztCnwGLlmcOOpjrsrGii/KH0au0ODdurUQhU+',
  'AiAX+dCd0p2LwJ5t1kb6PbGCtYKk8XFdAFR0PYJSytIFxA==',
);

const proxyTwo = pem(
  'MIIB0DCCAXWgAwIBAgIUe/cKYBb8d+a4d/qPHQVDC2vOXAowCgYIKoZIzj0EAwIw',
  'NDEVMBMGA1UECgwMRXhhbXBsZSBDb3JwMRswGQYDVQQDDBJFeGFtcGxlIFByb3h5',
  'IENBIDIwIBcNMjYxMTIxMTk1NzE4WhgPMjA1NjExMTMxOTU3MThaMDQxFTATBgNV',
  'BAoMDEV4YW1wbGUgQ29ycDEbMBkGA1UEAwwSRXhhbXBsZSBQcm94eSBDQSAyMFkw',
  'EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZg8cfqS36idtmZYRrNx8sOmv18zzpoli',
  'dnwEbbwDJmTePTAaS3zCLXIqSjmpMl1LD9CbDgHyLnrzrbsYKVxKBaNjMGEwHQYD',
  'VR0OBBYEFG95WGH+HDRDYpG8LCyeqg7wSRcdMB8GA1UdIwQYMBaAFG95WGH+HDRD',
  'YpG8LCyeqg7wSRcdMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgEGMAoG',
  'CCqGSM49BAMCA0kAMEYCIQD6Af3A4doCeObGrHbT/XmZJZ6y6JI1UlVP3jdRvVh9',
  'MAIhAJOHXNOYpq9sXgKyo9dXH+v27JJIfsZorCJ8a3SZnsta',
);

/**
 * `user`: what a person puts into ConfigMap openshift-config/user-ca-bundle. `proxy`: what stands in the ConfigMap that Proxy/cluster names.
 * `one` and `two` share an authority, but never the last: the last one of the old bundle tells where the system's certificates begin.
 */
export const customBundles = {
  user: {
    one: `# Example Corp: root\n${root}\n# Example Corp: sites, 100% internal & <private>\n${siteOne}`,
    two: `# Example Corp: root\n${root}\n# Example Corp: sites, second generation\n${siteTwo}`,
  },
  proxy: { one: `${root}# egress proxy\n${proxyOne}`, two: `# egress proxy, second generation\n${proxyTwo}${root}` },
} as const;
