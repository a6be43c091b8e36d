#!/bin/bash
# Started by install-rhcos-and-restore-seed.service on the live ISO. Fetches ibi out of the seed image, so that program and
# seed are of one version, and starts it. Same name, arguments and environment as the installer's script; unlike it, this one
# can be run again, says what it waits for, ends on an answer that will not change, and frees the memory of the seed's copy.
set -euo pipefail

seed=${1:-${SEED_IMAGE:?seed image is required: give it as argument or in SEED_IMAGE}}
auth=${PULL_SECRET_FILE:-/var/tmp/pull-secret.json}
config=${IBI_CONFIGURATION_FILE:-/var/tmp/ibi-configuration.json}
program=/usr/local/bin/ibi

if [ ! -x "$program" ]; then
  delay=5
  until talk=$(podman create --replace --authfile "$auth" --name lca-cli "$seed" lca-cli 2>&1 >/dev/null); do
    reason=${talk##*$'\n'}
    case $reason in
      *unauthorized*|*'authentication required'*|*'manifest unknown'*|*'invalid reference'*|*'no such file'*)
        echo "ibi: the seed image \"$seed\" cannot be fetched: $reason" >&2
        echo "ibi: next: correct the pull secret or the seed image in the installation ISO" >&2
        exit 2 ;;
    esac
    echo "ibi: waiting for the seed image \"$seed\", next attempt in ${delay} s: $reason" >&2
    sleep "$delay"
    delay=$((delay < 60 ? delay * 2 : 60))
  done
  # /usr/local is writable on the live system; a torn copy must never look complete.
  podman cp lca-cli:lca-cli "$program.new"
  chmod 0755 "$program.new"
  mv "$program.new" "$program"
  podman rm lca-cli > /dev/null
  # The copy lies in memory; ibi streams the seed to the disk itself.
  podman rmi "$seed" > /dev/null || true
fi
exec "$program" run -f "$config" --authfile "$auth"
