#!/bin/sh
# Gives the start-up job's user the password that its file holds now. Run in the broker's container: it
# speaks to the broker on its loopback, as the broker itself.
set -eu
PATH=$PATH:/opt/kafka/bin
cd "${KAFKA_RUN:-/run}"

umask 077
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/client" <<END
security.protocol=SASL_PLAINTEXT
sasl.mechanism=PLAIN
sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="broker" password="$(cat secrets/kafka-broker)";
END
echo "SCRAM-SHA-512=password=$(cat secrets/kafka-setup)" >"$folder/user" # in a file without brackets
kafka-configs.sh --bootstrap-server "${KAFKA_BROKER:-127.0.0.1:9094}" --command-config "$folder/client" \
    --alter --entity-type users --entity-name setup --add-config-file "$folder/user"
