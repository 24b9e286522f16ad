#!/bin/sh
# Formats the data folder at the first start, with the SCRAM user of the start-up job, and becomes the
# broker. The password goes through a file of our own: an argument can be seen by everybody on the host.
set -eu
PATH=$PATH:/opt/kafka/bin
config=${KAFKA_PROPERTIES:-/etc/kembalian/server.properties}
cd "${KAFKA_RUN:-/run}" # server.properties names the secrets relative to this

data=$(sed -n 's/^log\.dirs=//p' "$config")
if [ ! -f "$data/meta.properties" ]; then
    umask 077
    arguments=$(mktemp)
    trap 'rm -f "$arguments"' EXIT
    id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')
    {
        printf 'format\n--config=%s\n--cluster-id=%s\n' "$config" "$id"
        printf -- '--add-scram=SCRAM-SHA-512=[name=setup,password=%s]\n' "$(cat secrets/kafka-setup)"
    } >"$arguments"
    kafka-storage.sh "@$arguments" >/dev/null # which would show the keys that it made
    rm -f "$arguments"
    trap - EXIT
fi
exec kafka-server-start.sh "$config"
